#include "pipelines/executors/task_config.h"

#include "base/json.h"
#include "pipelines/executors/settings.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kWorkspace = "kfp-workspace";  // the volume's name upstream
constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution",
                           kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

Result<Value> resources_of(const Resources& wanted, const PlaceholderContext& context) {
  Value out = Value::object();
  const auto add = [&](const char* side, const std::string& resource, const std::string& amount) -> Status {
    const std::string text = MR_TRY(substitute(amount, context));
    if (!text.empty()) out.child(side).set(resource, text);
    return {};
  };
  MR_TRY(add("limits", "cpu", wanted.cpu_limit));
  MR_TRY(add("limits", "memory", wanted.memory_limit));
  MR_TRY(add("requests", "cpu", wanted.cpu_request));
  MR_TRY(add("requests", "memory", wanted.memory_request));
  if (const std::string type = MR_TRY(substitute(wanted.accelerator_type, context)); !type.empty())
    MR_TRY(add("limits", type, wanted.accelerator_count));
  return out;
}

Result<Value> environment_of(const Executor& passed, const engine::Node& node, const PlaceholderContext& context) {
  Value out = Value::array();
  for (const auto& [name, value] : passed.environment)
    out.push(Value::object({{"name", name}, {"value", MR_TRY(substitute(value, context))}}));
  for (const KeysAsEnv& keys : passed.env_from_keys) {
    if (is_left_open(keys.name, node)) continue;
    for (const auto& [key, variable] : keys.key_to_variable) {
      Value reference = Value::object({{"name", setting_of(keys.name, node)}, {"key", key}});
      reference.set_if(keys.optional, "optional", true);
      out.push(Value::object(
          {{"name", variable},
           {"valueFrom", Value::object({{keys.secret ? "secretKeyRef" : "configMapKeyRef", std::move(reference)}})}}));
    }
  }
  for (const auto& [name, path] : passed.env_from_fields) {
    Value field = Value::object({{"fieldRef", Value::object({{"fieldPath", path}})}});
    out.push(Value::object({{"name", name}, {"valueFrom", std::move(field)}}));
  }
  return out;
}

void add_volume(Value& config, const std::string& name, const char* kind, Value source, const std::string& mount_path,
                const std::string& sub_path = {}) {
  config.child("volumes").push(Value::object({{"name", name}, {kind, std::move(source)}}));
  Value mount = Value::object({{"name", name}, {"mountPath", mount_path}});
  mount.set_if(!sub_path.empty(), "subPath", sub_path);
  config.child("volumeMounts").push(std::move(mount));
}

void add_volumes(const Executor& passed, const RunContext& run, const engine::Node& node,
                 const PlaceholderContext& context, Value& config) {
  // As upstream, the workspace is there for whoever has a parameter of it.
  const std::string parameters = to_json((*context.executor_input)["inputs"]["parameterValues"]);
  if (run.has_workspace && parameters.find(kWorkspacePath) != std::string::npos) {
    const std::string claim = run.resource_name + "-" + std::string(kWorkspace);
    add_volume(config, std::string(kWorkspace), "persistentVolumeClaim", Value::object({{"claimName", claim}}),
               std::string(kWorkspacePath));
  }
  for (const VolumeMount& mount : passed.volumes) {
    if (is_left_open(mount.claim, node)) continue;
    const std::string claim = text_of(setting_of(mount.claim, node));
    add_volume(config, claim, "persistentVolumeClaim", Value::object({{"claimName", claim}}), mount.mount_path,
               mount.sub_path);
  }
  for (const KeysAsFiles& keys : passed.files_from_keys) {
    if (is_left_open(keys.name, node)) continue;
    const std::string name = text_of(setting_of(keys.name, node));
    Value source = Value::object({{keys.secret ? "secretName" : "name", name}, {"optional", keys.optional}});
    add_volume(config, name, keys.secret ? "secret" : "configMap", std::move(source), keys.mount_path);
  }
}

// What stands in the pipeline, and what parameters add to it.
Value affinity_of(const Placement& placement, const engine::Node& node) {
  Value out = placement.node_affinity;
  for (const Setting& setting : placement.affinities) {
    const Value more = object_of(setting_of(setting, node));
    for (const Value& term : more[kRequired]["nodeSelectorTerms"].items())
      out.child(kRequired).child("nodeSelectorTerms").push(term);
    for (const Value& term : more[kPreferred].items()) out.child(kPreferred).push(term);
  }
  return out.empty() ? Value() : Value::object({{"nodeAffinity", std::move(out)}});
}

Value selector_of(const Placement& placement, const engine::Node& node) {
  Value out = Value::object();
  for (const auto& [key, label] : placement.labels) out.set(key, label);
  for (const Setting& setting : placement.selectors) {
    const Value more = object_of(setting_of(setting, node));
    for (const auto& [key, label] : more.members()) out.set(key, label);
  }
  return out.empty() ? Value() : out;
}

// A parameter may hold one toleration, or a list of them.
Value tolerations_of(const std::vector<Setting>& settings, const engine::Node& node) {
  Value out = Value::array();
  for (const Setting& setting : settings) {
    const Value value = object_of(setting_of(setting, node));
    if (value.is_object() && !value.empty()) out.push(value);
    for (const Value& item : value.items()) out.push(item);
  }
  return out.empty() ? Value() : out;
}

}  // namespace

Result<Value> task_config(const Executor& passed, const RunContext& run, const engine::Node& node,
                          const PlaceholderContext& context) {
  Value config = Value::object({{"affinity", affinity_of(passed.placement, node)},
                                {"tolerations", tolerations_of(passed.tolerations, node)},
                                {"nodeSelector", selector_of(passed.placement, node)},
                                {"env", MR_TRY(environment_of(passed, node, context))},
                                {"volumes", Value()},
                                {"volumeMounts", Value()},
                                {"resources", MR_TRY(resources_of(passed.resources, context))}});
  if (node.component->passed_on.contains(PassedField::volumes)) add_volumes(passed, run, node, context, config);
  return config;
}

}  // namespace millrace::pipelines::executors
