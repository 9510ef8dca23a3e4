#pragma once
// Attempts at tasks, from the launch to the end, and what they need besides: slots, Python environments and servers.
// All of a run's is called in its turn (run_queue.h) and changes its state by events.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/options.h"
#include "pipelines/runner/ready_servers.h"
#include "pipelines/runner/run_queue.h"
#include "pipelines/runner/slots.h"
#include "work/environment_builds.h"

namespace millrace::pipelines::runner {

class Attempts {
 public:
  // The run under way with this id; null: none.
  using Find = std::function<Run(const std::string& run_id)>;
  Attempts(Needs needs, const Options& options, const Hooks& hooks, Timers& timers, RunQueue queue, Find find);

  // Ends what an earlier process of this program had started for runs to come. `idle`: no run is under way.
  void begin(bool idle);

  // Makes ready what is to be launched once its cause is stored.
  void prepare_ahead(const Run& run);
  void launch(const Run& run, const std::string& path, int attempt);
  void stop(const Run& run, const std::string& path, int attempt);
  // After a restart: finds the attempts that were launching or running, and the run's Python servers. Errors: the
  // backend does not answer; to be tried again.
  using Open = std::vector<std::pair<std::string, int>>;  // path and number of each
  Status recover(const Run& run, const Open& open);
  // The run has ended, and that is stored.
  void run_ended(const Run& run);

  // The run that the child with this launch key works for; empty: none.
  std::string run_of_child(const std::string& launch_key) const;
  const Slots& slots() const { return slots_; }

  void close();  // no end is heard of any more, no slot given
  void stop_servers();

 private:
  // attempts.cpp
  Result<ActiveRun::Prepared> prepare(const Run& run, const engine::Node& node, const Executor& executor);
  bool has_slot(const Run& run, const engine::Node& node);
  void wait_for_environment(const Run& run, const engine::Node& node, work::PythonBuild build);
  void take_python_server(const Run& run, const Executor& executor);
  void serve_python(const Run& run, const Executor& executor, work::Workload& spec);
  void launched(const Run& run, const std::string& path, int attempt, const Result<work::WorkStatus>& status);
  void watch_deadline(const Run& run, const engine::Node& node);
  void recover_servers(const Run& run);
  void recover(const Run& run, const engine::Node& node, std::optional<work::WorkStatus> status);
  bool ran_elsewhere(const engine::Node& node) const;
  void begin_anew(const Run& run, const engine::Node& node);
  void stop_child(const Run& run, const std::string& path, int attempt);
  // Nobody may ever hear of the end of what was stopped: its backend may be gone, the process stuck in the kernel.
  void close_if_lost(const Run& run, const engine::Node& node);

  // attempt_ends.cpp
  // true: the task has ended without a process; an importer, or a success in the cache.
  bool complete_without_process(const Run& run, const engine::Node& node, const Executor& executor);
  std::string fingerprint_before(const Run& run, const engine::Node& node, const Executor& executor);
  std::string fingerprint_after(const Run& run, const engine::Node& node, const Executor& executor);
  void succeed(const Run& run, const std::string& path, int attempt, executors::Outputs outputs, bool cached);
  void ended(const Run& run, const std::string& path, int attempt, const work::WorkStatus& status);
  void take_outputs(const Run& run, const engine::Node& node, engine::Event& event);
  void take_failure(const Run& run, const engine::Node& node, const work::WorkStatus& status, engine::Event& event);
  void keep_left(const Run& run, const engine::Node& node, engine::Event& event);
  void failed(const Run& run, const std::string& path, int attempt, const Error& error);

  // backend_ends.cpp: on the backend's thread, they hand on to the queue.
  void subscribe();
  void attempt_ended(const std::string& key, const work::WorkStatus& status);
  void python_server_ended(const std::string& key, const work::WorkStatus& status);
  void environment_build_ended(const std::string& key, const work::WorkStatus& status);
  void forget(const std::string& key);

  Needs needs_;
  const Options& options_;
  const Hooks& hooks_;
  RunQueue queue_;
  Find find_;
  ReadyServers ready_servers_;
  Slots slots_;
  work::EnvironmentBuilds environments_;
  std::vector<work::Subscription> ends_;  // last: they call the others
};

}  // namespace millrace::pipelines::runner
