#pragma once
// Kubeflow Pipelines: pipelines, versions, experiments, runs, and the engine that runs them.
// Start reading: engine/engine.h (pure), then runner/ (the shell), then api/ (the KFP API).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "net/http.h"
#include "pipelines/caller.h"
#include "pipelines/options.h"
#include "pipelines/views.h"

namespace millrace::pipelines {

class Pipelines {
 public:
  using Needs = pipelines::Needs;
  static Result<std::unique_ptr<Pipelines>> open(Needs needs, Options options, Hooks hooks);
  virtual ~Pipelines() = default;

  // /apis/v2beta1/…; answers 404 itself for unknown paths under /apis.
  virtual net::Response handle(net::Request& request, const Caller& caller) = 0;
  net::Response handle(net::Request& request) { return handle(request, Caller()); }
  // May the caller see this run? A child sees its own and those that descend from it.
  virtual bool may_see(const Caller& caller, const std::string& run_id) = 0;
  // The run that a child works for, of its launch key; empty: none.
  virtual std::string run_of_child(const std::string& launch_key) = 0;

  virtual Status resume() = 0;  // recovers the runs that were under way
  virtual void stop() = 0;      // joins; tasks' processes go on

  virtual Result<std::vector<RunView>> runs(std::size_t limit) = 0;  // newest first, without tasks
  virtual Result<RunView> run(const std::string& run_id) = 0;        // with tasks
  // How many runs have not finished, by state. Costs what they are, however many have finished.
  virtual Result<std::map<std::string, std::size_t>> under_way() = 0;
  // Tasks that have a slot, those that wait for one, and the runs that have ended since the start, by state.
  struct Load {
    std::size_t with_slot = 0, waiting = 0;
    std::map<std::string, std::size_t> ended;
  };
  virtual Load load() = 0;
  // The task's log (stdout and stderr in order) from `offset`, an earlier part's `next` (proc/child_log.h: a long log
  // is cut in its middle, which is a line of the text). `complete` once no more will come after `text`. `attempt`: 0
  // for the newest, whichever that is by then; the log of an earlier one may have been removed, and is empty.
  struct LogPart {
    std::string text;
    std::uint64_t next = 0;
    bool complete = false;
  };
  virtual Result<LogPart> task_log(const std::string& run_id, const std::string& task_id, std::uint64_t offset,
                                   int attempt) = 0;
  // Of all tasks of a run that have started. Costs as much as the run's events to read. Errors: not_found;
  // failed_precondition for a run of another version of this program.
  virtual Result<std::vector<ContainerView>> containers(const std::string& run_id) = 0;
  // Stops a task's attempt as a deleted pod would be: it counts as failed, and its retry policy decides what follows.
  // An attempt that has ended is left as it is. Returns before it has stopped. Errors: unavailable while the server
  // stops.
  virtual Status stop_task(const std::string& run_id, const std::string& task_id) = 0;
  // Starts the same pipeline with the same parameters once more, with no task taken from the cache. `first` is called
  // with the new run's id before the run is. Returns that id. Errors: not_found, those of a new run, and `first`'s.
  virtual Result<std::string> run_again(const std::string& run_id, const std::string& name,
                                        const std::function<Status(const std::string& new_id)>& first) = 0;
  // Walks a pipeline (a package, or its IR alone) without running it. `each` is called for every
  // task with a container, in the order they would start, and gives the output parameters that it can foresee. Errors:
  // those of a new run; resource_exhausted for one of very many tasks.
  virtual Status dry_run(const Value& package, const Value& parameters,
                         const std::function<Value(const DryRunTask&)>& each) = 0;
  // Called after each change of a run (any of its tasks). Cheap work only.
  virtual void on_change(std::function<void(const std::string& run_id)> listener) = 0;
};

}  // namespace millrace::pipelines
