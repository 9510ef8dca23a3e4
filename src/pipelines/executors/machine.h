#pragma once
// A task's settings of the Kubernetes platform and its resources, as this one machine can give them: environment,
// mounts and limits of a process. What cannot be had is an error that says so.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/process.h"
#include "work/workload.h"

namespace millrace::pipelines::executors {

// The labels of the one node: kubernetes.io/os, …/arch, …/hostname, and those that the server was started with.
std::map<std::string, std::string> node_labels(const Options& options);

// What can be said before a task runs: accelerators, labels that the node has not, more than the machine has, mounts
// without a sandbox. `node`: of its inputs and settings those that are known; others are left to its start.
Status check_executor(const Options& options, const Hooks& hooks, const std::map<std::string, std::string>& labels,
                      const Executor& executor, const engine::Node& node);

// Adds variables, mounts and limits. Errors are the task's: a missing secret or key, a selector that fits no node.
Status apply_machine(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node,
                     const Executor& executor, const PlaceholderContext& context, work::Workload& spec);

// What of the executor's settings stands outside the pipeline and may change: [how it is used, data by key] of each
// Secret and config map, data as digests, and the fields of the pod. Empty: nothing. Errors: as apply_machine().
Result<Value> outer_settings(const Options& options, const Hooks& hooks, const RunContext& run,
                             const engine::Node& node, const Executor& executor);

// Sets a variable of a child's environment, replacing an earlier value.
void set_variable(work::Workload& spec, const std::string& name, const std::string& value);

}  // namespace millrace::pipelines::executors
