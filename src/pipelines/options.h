#pragma once
// What pipelines are given: options, what they stand on, and what the executor needs from above.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/untrusted_tree.h"
#include "db/database.h"
#include "pipelines/caller.h"
#include "proc/process_info.h"
#include "work/backend.h"

namespace millrace::pipelines {

struct Needs {
  db::Database& database;
  const Clock& clock;
  work::Backend& backend;
};

struct Options {
  std::filesystem::path directory;   // task directories, artifacts
  std::filesystem::path executable;  // this program, for native components
  std::size_t max_running_tasks = 16;
  std::vector<std::filesystem::path> hidden = {};  // from tasks in a sandbox, besides `directory`
  bool sandbox = true;                             // where the machine gives one
  bool containers = false;                         // tasks in their own images; else as processes of this machine
  std::map<std::string, std::filesystem::path> images = {};           // the context used for an image that is not run
  bool caching = true;                                                // a task may take an earlier success's outputs
  std::vector<std::pair<std::string, std::string>> node_labels = {};  // of the one node, beside the usual ones
  // Of this machine, that pipelines may import artifacts from by their path; absolute, without links on the way.
  std::vector<std::filesystem::path> import_directories = {};
  std::string version = {};  // of this program, as its health says
  TaskApi task_api = TaskApi::own;
  std::string cron_time_zone = {};  // of recurring runs whose cron names none; empty: UTC
  // The machine's present start, and where `directory` is a copy also which: with another one, nobody knows what was
  // being launched.
  std::string boot = proc::boot_id();
  // When `directory` was copied from that of another server, which went on: what ran then is no child of this one's.
  std::optional<Time> copied = {};
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

}  // namespace millrace::pipelines
