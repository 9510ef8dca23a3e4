#pragma once
// The shell around the engine: the runs under way. Events are stored, together with the rows they change, before their
// commands are performed: those that gather while others are being stored share one transaction. A command that was
// not performed, or whose answer was lost, is found again in the state (outstanding) and at the backend, which starts a
// key once only. So a server that dies at any moment runs no step twice and loses none.
//
// RunStore is what the database does, Attempts what the backend does; both act in the run's turn (run_queue.h).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/keyed_queue.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/timers.h"
#include "pipelines/executors/submission_check.h"
#include "pipelines/options.h"
#include "pipelines/runner/active_run.h"
#include "pipelines/runner/attempts.h"
#include "pipelines/runner/run_queue.h"
#include "pipelines/runner/run_store.h"

namespace millrace::pipelines::runner {

class Runner {
 public:
  enum class Drive {
    threads,
    by_hand,  // for simulations: whoever has the runner gives the queue's keys their turns
  };
  // `timers` are stopped, or not run any more, before this ends.
  Runner(Needs needs, const Options& options, const Hooks& hooks, Timers& timers, Drive drive = Drive::threads);
  ~Runner() { stop(); }

  // `unfinished`: the runs that were under way when the database was opened.
  void resume(const std::vector<std::string>& unfinished);
  // Can this machine run it? Errors name what it cannot give.
  Status check(const PipelineSpec& pipeline, const Value& parameters) const {
    return executors::check_submission(options_, hooks_, pipeline, parameters);
  }
  // Stores the run and its first event, then lets it go. The record's state is set here. `parsed` is what `spec` was
  // parsed into. What `also` writes is stored in the same transaction; when it fails, so does the run.
  Result<RunRecord> create(RunRecord record, const Value& spec, std::unique_ptr<PipelineSpec> parsed,
                           const db::Database::Work& also = {});

  // Changes of a run. Each is made in the run's turn; `done` is called once it is stored, or has failed, on the queue's
  // thread, and not at all when the server stops. Without `done` they wait for that, and answer `unavailable` where it
  // takes longer than kChangeAnswer (the change is made all the same) or the server stops.
  using Done = std::function<void(Status)>;
  static constexpr Millis kChangeAnswer{15'000};
  // Returns once CANCELING is stored. Errors: failed_precondition for a run that has ended.
  void terminate(const std::string& run_id, Done done);
  Status terminate(const std::string& run_id);
  // What did not succeed in a run that failed begins again, in the same run. Errors: not_found; failed_precondition for
  // a run that has not failed, or whose events follow rules that this program does not know.
  void retry(const std::string& run_id, Done done);
  Status retry(const std::string& run_id);
  // With all its rows; one under way is terminated, and removed when it has ended. Errors: not_found.
  void remove(const std::string& run_id, Done done);
  Status remove(const std::string& run_id);
  // Stops the attempt that a task has under way, if any. Errors: unavailable while the server stops.
  Status stop_task(const std::string& run_id, const std::string& path);

  void stop();
  void on_change(std::function<void(const std::string& run_id)> listener);
  // Called when any run has ended, and that is stored. To be set before the first run; cheap work only.
  void on_end(std::function<void()> listener) { ended_ = std::move(listener); }
  bool is_active(const std::string& run_id) const { return find(run_id) != nullptr; }
  // The run under way that the child with this launch key works for; empty: none.
  std::string run_of_child(const std::string& launch_key) const { return attempts_.run_of_child(launch_key); }

  // For simulations.
  KeyedQueue& queue() { return *keyed_; }
  const Slots& slots() const { return attempts_.slots(); }
  std::map<std::string, std::size_t> ended() const;  // how many runs, by state, since this was made

 private:
  Run find(const std::string& run_id) const;
  // The same; while the runs of before are being recovered, it is waited for them.
  Run find_recovered(const std::string& run_id);
  void insert(const Run& run);
  void recover(const Run& run);
  Result<Run> begin_again(const std::string& run_id);
  Status wait_for(void (Runner::*change)(const std::string&, Done), const std::string& run_id,
                  std::string_view done_later);

  // After all that had gathered for the run: stores what happened and then performs what follows from it.
  void flush(const std::string& run_id);
  // false: nothing is stored for now; tried again later.
  bool store(const Run& run);
  void perform(const Run& run, const engine::Command& command);
  void retry_later(const Run& run, const engine::Command& command);
  void store_later(const Run& run);
  void finish(const Run& run);
  void watch_deadline(const Run& run);
  void changed(const std::string& run_id);

  Needs needs_;
  const Options& options_;
  const Hooks& hooks_;
  mutable Mutex mutex_;
  CondVar recovery_ended_;
  std::map<std::string, Run> active_ MR_GUARDED_BY(mutex_);
  std::vector<std::function<void(const std::string&)>> listeners_ MR_GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> ended_by_state_ MR_GUARDED_BY(mutex_);
  bool stopping_ MR_GUARDED_BY(mutex_) = false;
  bool recovered_ MR_GUARDED_BY(mutex_) = false;  // resume() has seen to every run that was under way
  std::function<void()> ended_;
  RunStore store_;
  std::shared_ptr<KeyedQueue> keyed_;
  RunQueue queue_;
  Attempts attempts_;
};

}  // namespace millrace::pipelines::runner
