#pragma once
// A task's settings as fragments of a Kubernetes pod (PodSpec and Container of core/v1). Names and selectors that a
// parameter left open are left out. Nothing that a Secret holds is in them: only its name. Pure.

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

// {"limits": {…}, "requests": {…}}, of each what there is.
Result<Value> pod_resources(const Resources& wanted, const PlaceholderContext& context);
// A list of EnvVar: values, and references to keys of Secrets and config maps and to fields of the pod.
Result<Value> pod_environment(const Executor& executor, const engine::Node& node, const PlaceholderContext& context);
// A list of EnvFromSource: Secrets and config maps whose every key is a variable.
Value pod_environment_sources(const Executor& executor, const engine::Node& node);

// Null: there are none.
struct PodVolumes {
  Value volumes, mounts;
};
PodVolumes pod_volumes(const Executor& executor, const RunContext& run, const engine::Node& node,
                       const PlaceholderContext& context);

// What stands in the pipeline, and what parameters add to it. Null: nothing.
Value pod_affinity(const Placement& placement, const engine::Node& node);
Value pod_node_selector(const Placement& placement, const engine::Node& node);
Value pod_tolerations(const std::vector<Setting>& settings, const engine::Node& node);

}  // namespace millrace::pipelines::executors
