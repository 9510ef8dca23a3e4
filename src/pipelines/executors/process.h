#pragma once
// The process executor: a task's container command as a child process in a directory of its own, in a sandbox where the
// machine gives one. What it leaves in its output files becomes the task's outputs.
//
//   <directory>/runs/<run>/<attempt>/                  attempt_files.h; outputs/<parameter>, output_metadata.json
//   <directory>/logs/<run>/<attempt>.log.txt           where no task writes
//   <directory>/artifacts/<scheme>/<bucket>/<key>      see store.h; beside a task's artifacts its .output_metadata.json
//   <directory>/fetched/<run>/s3/<bucket>/<key>        artifacts that were brought from S3 for a run
//   <directory>/volumes/<claim>, workspaces/<run>      what tasks share

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/executors/rights.h"
#include "pipelines/options.h"
#include "work/workload.h"

namespace millrace::pipelines::executors {

struct RunContext {
  std::string run_id, display_name, resource_name, pipeline_name;
  std::string pipeline_root;  // empty: the default
  std::string service_account;
  std::string parent_run_id;             // whose step has started it; empty: a person
  std::shared_ptr<const Rights> rights;  // what it may use then; null: anything. Shared by the context's copies
  Time created{};
  std::optional<Time> scheduled;
  bool has_workspace = false;
  bool sandboxed = false;  // of the attempt that is being prepared
  std::size_t python_tasks =
      0;  // in the pipeline: tasks with a lightweight Python component; in a loop they count twice
};

std::string launch_key(const std::string& run_id, const std::string& path, int attempt);
std::string launch_keys_of(const std::string& run_id);  // what all of a run's begin with, less the '/' after it
// false: not one of ours.
bool parse_launch_key(const std::string& key, std::string& run_id, std::string& path, int& attempt);

// Stable and unlike any other's, as Argo's pod names are: the workflow's name and a number made from the path.
std::string pod_name(const RunContext& run, const engine::Node& node);
std::uint32_t pod_number(std::string_view path);
std::string pod_name(const RunContext& run, std::uint32_t number);

// Does this task run in its image, in a container? Components that run natively do not.
bool is_contained(const Options& options, const Hooks& hooks, const Executor& executor);

// Makes the attempt's directory and says what to launch. Errors are the task's: a missing secret, a placeholder that is
// not known.
// Where it needs a Python environment that is not there, `build` is what makes it: the attempt is to be prepared again
// then. Errors also: failed_precondition, for one that is not there where nobody takes the build.
Result<work::Workload> prepare(const Options& options, const Hooks& hooks, const RunContext& run,
                               const engine::Node& node, const Executor& executor,
                               std::optional<work::PythonBuild>* build = nullptr);

// outputs.cpp. The outputs of an attempt that ended with exit code 0. Errors: an output that is not of its declared
// type, cannot be read as what a task may leave, or is not the task's own.
struct Outputs {
  Value parameters = Value::object(), artifacts = Value::object();
};
Result<Outputs> collect(const Options& options, const RunContext& run, const engine::Node& node);
// What an attempt that failed has left all the same: of its outputs those that can be read as what they are declared
// as, of its artifacts those that have bytes or metadata.
Outputs collect_left(const Options& options, const RunContext& run, const engine::Node& node);
// Brings those of its artifacts there whose URI is in S3. Errors are the task's: no such bucket, access denied.
Status publish(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node,
               const Outputs& outputs);

}  // namespace millrace::pipelines::executors
