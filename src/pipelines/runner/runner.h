#pragma once
// The shell around the engine. Events are stored, together with the rows they change, before their commands are
// performed: those that gather while others are being stored share one transaction. A command that was not performed,
// or whose answer was lost, is found again in the state (outstanding) and at the backend, which starts a key once
// only. So a server that dies at any moment runs no step twice and loses none.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/executors/submission_check.h"
#include "pipelines/pipelines.h"
#include "pipelines/runner/active_run.h"
#include "pipelines/runner/alarms.h"
#include "pipelines/runner/environments.h"
#include "pipelines/runner/ready_servers.h"
#include "pipelines/runner/slots.h"
#include "pipelines/runner/strands.h"

namespace millrace::pipelines::runner {

class Runner {
 public:
  Runner(Pipelines::Needs needs, const Options& options, const Hooks& hooks);
  ~Runner() { stop(); }

  // `unfinished`: the runs that were under way when the database was opened.
  void resume(const std::vector<std::string>& unfinished);
  // Can this machine run it? Errors name what it cannot give.
  Status check(const PipelineSpec& pipeline, const Value& parameters) const {
    return executors::check_submission(options_, hooks_, pipeline, parameters);
  }
  // Stores the run and its first event, then lets it go. The record's state is set here. What `also` writes is stored
  // in the same transaction; when it fails, so does the run.
  Result<RunRecord> create(RunRecord record, const Value& spec, const db::Database::Work& also = {});
  // Returns once CANCELING is stored. Errors: failed_precondition for a run that has ended.
  Status terminate(const std::string& run_id);
  // Stops the attempt that a task has under way, if any. Errors: unavailable while the server stops.
  Status stop_task(const std::string& run_id, const std::string& path);
  // What did not succeed in a run that failed begins again, in the same run; returns once that is stored. Errors:
  // not_found; failed_precondition for a run that has not failed.
  Status retry(const std::string& run_id);
  void stop();
  void on_change(std::function<void(const std::string& run_id)> listener);
  // Called when any run has ended, and that is stored. To be set before the first run; cheap work only.
  void on_end(std::function<void()> listener) { ended_ = std::move(listener); }
  bool is_active(const std::string& run_id);
  // The run under way that the child with this launch key works for; empty: none.
  std::string run_of_child(const std::string& launch_key);

 private:
  using Run = std::shared_ptr<ActiveRun>;
  engine::Event event_now(engine::Event::Kind kind, const std::string& path = {}, int attempt = 0) const;

  // runner.cpp: runs, and the way of an event from the engine to the disk and on to what follows from it.
  Run find(const std::string& run_id);
  // The same; while the runs of before are being recovered, it is waited for them.
  Run find_recovered(const std::string& run_id);
  void insert(const Run& run);
  // On the run's strand. apply() lets an event happen; flush(), after all that had gathered for the run, stores what
  // happened in one transaction and then performs what follows from it.
  void apply(const Run& run, engine::Event event) { run->advance(std::move(event)); }
  void flush(const std::string& run_id);
  bool store(const Run& run);
  void perform(const Run& run, const engine::Command& command);
  void finish(const Run& run);
  void alarm(Time due, const Run& run, std::function<void(const Run&)> call);
  void watch_deadline(const Run& run);
  void changed(const std::string& run_id);

  // attempts.cpp: an attempt at a task, from the launch to its end.
  void prepare_ahead(const Run& run);
  Result<ActiveRun::Prepared> prepare(const Run& run, const engine::Node& node, const Executor& executor);
  void launch(const Run& run, const std::string& path, int attempt);
  bool has_slot(const Run& run, const engine::Node& node);
  void wait_for_environment(const Run& run, const engine::Node& node, executors::PythonBuild build);
  void take_python_server(const Run& run, const Executor& executor);
  void serve_python(const Run& run, const Executor& executor, work::Workload& spec);
  void launched(const Run& run, const std::string& path, int attempt, const Result<work::WorkStatus>& status);
  void watch_deadline(const Run& run, const engine::Node& node);
  // true: the task has ended without a process; an importer, or a success in the cache.
  bool complete_without_process(const Run& run, const engine::Node& node, const Executor& executor);
  std::string fingerprint_before(const Run& run, const engine::Node& node, const Executor& executor);
  std::string fingerprint_after(const Run& run, const engine::Node& node, const Executor& executor);
  void succeed(const Run& run, const std::string& path, int attempt, executors::Outputs outputs, bool cached);
  void ended(const Run& run, const std::string& path, int attempt, const work::WorkStatus& status);
  void keep_left(const Run& run, const engine::Node& node, engine::Event& event);
  void failed(const Run& run, const std::string& path, int attempt, const Error& error);
  void stop_task(const Run& run, const std::string& path, int attempt);
  void stop_child(const Run& run, const std::string& path, int attempt);
  // Nobody may ever hear of the end of what was stopped: its backend may be gone, the process stuck in the kernel.
  void close_if_lost(const Run& run, const engine::Node& node);

  // ends.cpp: the ends of what was started.
  void subscribe();
  void attempt_ended(const std::string& key, const work::WorkStatus& status);
  void python_server_ended(const std::string& key, const work::WorkStatus& status);
  void environment_build_ended(const std::string& key, const work::WorkStatus& status);
  void forget(const std::string& key);

  // take_up.cpp: runs that were under way when this program ended.
  // Null: there is no such run. `ended`: also one that has ended.
  Result<Run> load(const std::string& run_id, bool ended = false);
  void give_up(const std::string& run_id, const std::string& why);
  void take_up(const Run& run);

  Pipelines::Needs needs_;
  const Options& options_;
  const Hooks& hooks_;
  std::mutex mutex_;
  std::map<std::string, Run> active_;
  std::vector<std::function<void(const std::string&)>> listeners_;
  std::function<void()> ended_;
  ReadyServers ready_servers_;
  bool stopping_ = false;
  bool recovered_ = false;  // resume() has seen to every run that was under way
  std::condition_variable recovery_ended_;
  Slots slots_;
  std::shared_ptr<Strands> strands_;
  Alarms alarms_;
  Environments environments_;
  std::vector<work::Subscription> ends_;  // last: they call the others
};

}  // namespace millrace::pipelines::runner
