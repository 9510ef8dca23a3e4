#include "pipelines/executors/task_config.h"

#include "pipelines/executors/pod_fragments.h"

namespace millrace::pipelines::executors {

Result<Value> task_config(const Executor& passed, const RunContext& run, const engine::Node& node,
                          const PlaceholderContext& context) {
  Value config = Value::object({{"affinity", pod_affinity(passed.placement, node)},
                                {"tolerations", pod_tolerations(passed.tolerations, node)},
                                {"nodeSelector", pod_node_selector(passed.placement, node)},
                                {"env", MR_TRY(pod_environment(passed, node, context))},
                                {"volumes", Value()},
                                {"volumeMounts", Value()},
                                {"resources", MR_TRY(pod_resources(passed.resources, context))}});
  if (!node.component->passed_on.contains(PassedField::volumes)) return config;
  PodVolumes volumes = pod_volumes(passed, run, node, context);
  config.set("volumes", std::move(volumes.volumes)).set("volumeMounts", std::move(volumes.mounts));
  return config;
}

}  // namespace millrace::pipelines::executors
