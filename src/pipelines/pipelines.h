#pragma once
// Kubeflow Pipelines: pipelines, versions, experiments, runs, and the engine that runs them.
// Start reading: engine/engine.h (pure), then runner/ (the shell), then api/ (the KFP door).

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/untrusted_tree.h"
#include "base/value.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "net/http.h"
#include "pipelines/caller.h"
#include "proc/process_info.h"
#include "work/backend.h"

namespace millrace::pipelines {

struct Options {
  std::filesystem::path directory;   // task directories, artifacts
  std::filesystem::path executable;  // this program, for native components
  std::size_t max_running_tasks = 16;
  std::vector<std::filesystem::path> hidden = {};  // from tasks in a sandbox, besides `directory`
  bool sandbox = true;                             // where the machine gives one
  bool containers = false;                         // tasks in their own images; else as processes of this machine
  std::map<std::string, std::filesystem::path> images = {};  // what stands for an image that is not run: its context
  bool caching = true;                                       // tasks may be spared by an earlier success
  std::vector<std::pair<std::string, std::string>> node_labels = {};  // of the one node, beside the usual ones
  // Of this machine, that pipelines may import artifacts from by their path; absolute, without links on the way.
  std::vector<std::filesystem::path> import_directories = {};
  std::string version = {};  // of this program, as its health says
  TaskApi task_api = TaskApi::own;
  std::string boot = proc::boot_id();  // the machine's present start
};

// What the executor needs from above, passed in while wiring (app/).
struct Hooks {
  // Environment that every task of the run gets (AWS endpoint, region…). Called once per attempt with its launch key.
  std::function<std::vector<std::pair<std::string, std::string>>(const std::string& run_id, const std::string& key)>
      task_environment;
  // A secret's decoded data, for `use_secret_as_env`. not_found names the secret and its namespace.
  std::function<Result<std::map<std::string, std::string>>(const std::string& name)> secret;
  // The same for config maps.
  std::function<Result<std::map<std::string, std::string>>(const std::string& name)> config_map;
  // Artifacts in S3, s3://bucket/key: a file, or a directory as all objects below key/. fetch() makes `file`, which is
  // not there, in a directory that no task sees; what it made before it failed is the caller's to remove. store() takes
  // what a task has left: the file or directory `path` of `tree`, whose links lead to places in it.
  // look_up() says whether fetch() would find anything (not_found).
  std::function<Status(const std::string& run_id, const std::string& uri, const std::filesystem::path& file)> fetch;
  std::function<Status(const std::string& run_id, const std::string& uri)> look_up;
  std::function<Status(const std::string& run_id, const UntrustedTree& tree, const std::string& path,
                       const std::string& uri)>
      store;
  // Do children get a sandbox? Set by Pipelines itself, which tries it once.
  std::function<bool()> sandboxed;
  // For a task that carries no AWS keys of its own: the variables that lead to the node role's credentials, readable
  // by that task alone. Called once per attempt with its launch key.
  std::function<Result<std::vector<std::pair<std::string, std::string>>>(const std::string& run_id,
                                                                         const std::string& key)>
      node_credentials;
  // Native images: argv for this image and command line, nullopt when the image is not known.
  std::function<std::optional<std::vector<std::string>>(const std::string& image,
                                                        const std::vector<std::string>& command_line)>
      native_image;
};

// The read side that kube/ and console/ use.
struct TaskView {
  std::string id;  // stable: the task's path in the run, "root/train", "root/for-loop-1/0/train"
  std::string name, display_name, parent_id, state;  // KFP RuntimeState names, plus CACHED as detail
  std::string pod_name;
  std::vector<std::string> depends_on;  // ids
  bool is_dag = false;
  bool cached = false;  // succeeded without running: the outputs are an earlier task's
  int attempt = 0;
  std::optional<Time> created, started, ended;
  std::string error;
  // Of the newest attempt's process, 128 and its number for a signal. None: it failed without one, or nobody saw it
  // end.
  std::optional<int> exit_code;
  std::string image;
  Value inputs, outputs;  // {"parameters": {...}, "artifacts": {...}}
};
struct RunView {
  std::string id, display_name, pipeline_name, experiment_id, state, error;
  Time created{};
  std::optional<Time> finished;
  std::vector<TaskView> tasks;  // empty in listings
};

// A task of a pipeline that is gone through without being run.
struct RehearsedTask {
  std::string path, name, image;          // path: within the run, "for-loop-1/0/train"
  std::vector<std::string> command_line;  // placeholders resolved; kOnlyKnownInRun for what only a run can tell
  std::vector<std::pair<std::string, std::string>> environment;  // its own
  struct FromSecret {
    std::string variable, secret, key;
  };
  std::vector<FromSecret> secrets;  // variables that come from Kubernetes Secrets
};
inline constexpr std::string_view kOnlyKnownInRun = "only-known-during-the-run";

class Pipelines {
 public:
  struct Needs {
    db::Database& database;
    const Clock& clock;
    work::Backend& backend;
  };
  static Result<std::unique_ptr<Pipelines>> open(Needs needs, Options options, Hooks hooks);
  virtual ~Pipelines() = default;

  // /apis/v2beta1/…; answers 404 itself for unknown paths under /apis.
  virtual net::Response handle(net::Request& request, const Caller& caller) = 0;
  net::Response handle(net::Request& request) { return handle(request, Caller()); }
  // May the caller see this run? A child sees its own and those that descend from it.
  virtual bool may_see(const Caller& caller, const std::string& run_id) = 0;
  // The run that a child works for, of its launch key; empty: none.
  virtual std::string run_of_child(const std::string& launch_key) = 0;

  virtual Status resume() = 0;  // takes up the runs that were under way
  virtual void stop() = 0;      // joins; tasks' processes go on

  virtual Result<std::vector<RunView>> runs(std::size_t limit) = 0;  // newest first, without tasks
  virtual Result<RunView> run(const std::string& run_id) = 0;        // with tasks
  // The task's log (stdout and stderr in order) from `offset`, an earlier part's `next` (proc/child_log.h: a long log
  // is cut in its middle, which is a line of the text). `complete` once no more will come after `text`.
  struct LogPart {
    std::string text;
    std::uint64_t next = 0;
    bool complete = false;
  };
  virtual Result<LogPart> task_log(const std::string& run_id, const std::string& task_id, std::uint64_t offset) = 0;
  // Stops a task's attempt as a deleted pod would be: it counts as failed, and its retry policy decides what follows.
  // An attempt that has ended is left as it is. Returns before it has stopped. Errors: unavailable while the server
  // stops.
  virtual Status stop_task(const std::string& run_id, const std::string& task_id) = 0;
  // Starts the same pipeline with the same parameters once more, with no task spared by the cache. `first` is called
  // with the new run's id before the run is. Returns that id. Errors: not_found, those of a new run, and `first`'s.
  virtual Result<std::string> run_again(const std::string& run_id, const std::string& name,
                                        const std::function<Status(const std::string& new_id)>& first) = 0;
  // Goes through a pipeline (a package, or its IR alone) without running it. `each` is called for every
  // task with a container, in the order they would start, and gives the output parameters that it can foresee. Errors:
  // those of a new run; resource_exhausted for one of very many tasks.
  virtual Status rehearse(const Value& package, const Value& parameters,
                          const std::function<Value(const RehearsedTask&)>& each) = 0;
  // Called after each change of a run (any of its tasks). Cheap work only.
  virtual void on_change(std::function<void(const std::string& run_id)> listener) = 0;
};

}  // namespace millrace::pipelines
