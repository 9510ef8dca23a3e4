#include "pipelines/executors/pod_fragments.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/executors/settings.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kWorkspace = "kfp-workspace";  // the volume's name upstream
constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution",
                           kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

Value key_reference(const KeysAsEnv& keys, const std::string& key, const engine::Node& node) {
  Value reference = Value::object({{"name", text_of(setting_of(keys.name, node))}, {"key", key}});
  reference.set_if(keys.optional, "optional", true);
  return Value::object({{keys.secret ? "secretKeyRef" : "configMapKeyRef", std::move(reference)}});
}

// Volumes by name, each once, whatever mounts it.
class Volumes {
 public:
  void add(std::string name, const char* kind, Value source, const std::string& mount_path,
           const std::string& sub_path = {}) {
    name = name_for(std::move(name), Value::object({{kind, std::move(source)}}));
    Value mount = Value::object({{"name", std::move(name)}, {"mountPath", mount_path}});
    mount.set_if(!sub_path.empty(), "subPath", sub_path);
    made_.mounts.push(std::move(mount));
  }
  PodVolumes take() { return std::move(made_); }

 private:
  // A Secret and a config map may have one name: the second volume gets a number.
  std::string name_for(std::string name, Value source) {
    const std::string wanted = name;
    for (std::size_t number = 2;; ++number) {
      const auto& there = made_.volumes.items();
      const auto same =
          std::ranges::find_if(there, [&](const Value& volume) { return volume["name"].string_or() == name; });
      if (same == there.end()) break;
      Value other = *same;
      other.erase("name");
      if (other == source && !source.has("emptyDir")) return name;
      name = fmt::format("{}-{}", wanted, number);
    }
    Value volume = Value::object({{"name", name}});
    for (const auto& [kind, what] : source.members()) volume.set(kind, what);
    made_.volumes.push(std::move(volume));
    return name;
  }

  PodVolumes made_;
};

// "64Mi" of 67108864.
std::string size_text(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"", "Ki", "Mi", "Gi", "Ti"};
  std::size_t unit = 0;
  for (; bytes % 1024 == 0 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

void add_directory(Volumes& volumes, const VolumeMount& mount) {
  const bool memory = mount.kind == VolumeMount::Kind::memory;
  Value source = Value::object();
  source.set_if(memory, "medium", "Memory");
  source.set_if(mount.size_bytes != 0, "sizeLimit", size_text(mount.size_bytes));
  volumes.add(mount.mount_path == "/dev/shm" ? "shm" : "scratch", "emptyDir", std::move(source), mount.mount_path);
}

}  // namespace

Result<Value> pod_resources(const Resources& wanted, const PlaceholderContext& context) {
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

Result<Value> pod_environment(const Executor& executor, const engine::Node& node, const PlaceholderContext& context) {
  Value out = Value::array();
  for (const auto& [name, value] : executor.environment)
    out.push(Value::object({{"name", name}, {"value", MR_TRY(substitute(value, context))}}));
  for (const KeysAsEnv& keys : executor.env_from_keys) {
    if (is_left_open(keys.name, node)) continue;
    for (const auto& [key, variable] : keys.key_to_variable)
      out.push(Value::object({{"name", variable}, {"valueFrom", key_reference(keys, key, node)}}));
  }
  for (const auto& [name, path] : executor.env_from_fields) {
    Value field = Value::object({{"fieldRef", Value::object({{"fieldPath", path}})}});
    out.push(Value::object({{"name", name}, {"valueFrom", std::move(field)}}));
  }
  return out;
}

Value pod_environment_sources(const Executor& executor, const engine::Node& node) {
  Value out = Value::array();
  for (const KeysAsEnv& keys : executor.env_from_keys) {
    if (!keys.prefix || is_left_open(keys.name, node)) continue;
    Value reference = Value::object({{"name", text_of(setting_of(keys.name, node))}});
    reference.set_if(keys.optional, "optional", true);
    Value source = Value::object({{keys.secret ? "secretRef" : "configMapRef", std::move(reference)}});
    source.set_if(!keys.prefix->empty(), "prefix", *keys.prefix);
    out.push(std::move(source));
  }
  return out;
}

PodVolumes pod_volumes(const Executor& executor, const RunContext& run, const engine::Node& node,
                       const PlaceholderContext& context) {
  Volumes volumes;
  // As upstream, the workspace is there for whoever has a parameter of it.
  const std::string parameters = to_json((*context.executor_input)["inputs"]["parameterValues"]);
  if (run.has_workspace && parameters.find(kWorkspacePath) != std::string::npos) {
    const std::string claim = run.resource_name + "-" + std::string(kWorkspace);
    volumes.add(std::string(kWorkspace), "persistentVolumeClaim", Value::object({{"claimName", claim}}),
                std::string(kWorkspacePath));
  }
  for (const VolumeMount& mount : executor.volumes) {
    if (mount.kind != VolumeMount::Kind::claim) {
      add_directory(volumes, mount);
    } else if (!is_left_open(mount.claim, node)) {
      const std::string claim = text_of(setting_of(mount.claim, node));
      volumes.add(claim, "persistentVolumeClaim", Value::object({{"claimName", claim}}), mount.mount_path,
                  mount.sub_path);
    }
  }
  for (const KeysAsFiles& keys : executor.files_from_keys) {
    if (is_left_open(keys.name, node)) continue;
    const std::string name = text_of(setting_of(keys.name, node));
    Value source = Value::object({{keys.secret ? "secretName" : "name", name}, {"optional", keys.optional}});
    volumes.add(name, keys.secret ? "secret" : "configMap", std::move(source), keys.mount_path);
  }
  return volumes.take();
}

Value pod_affinity(const Placement& placement, const engine::Node& node) {
  Value out = placement.node_affinity;
  for (const Setting& setting : placement.affinities) {
    const Value more = object_of(setting_of(setting, node));
    for (const Value& term : more[kRequired]["nodeSelectorTerms"].items())
      out.child(kRequired).child("nodeSelectorTerms").push(term);
    for (const Value& term : more[kPreferred].items()) out.child(kPreferred).push(term);
  }
  return out.empty() ? Value() : Value::object({{"nodeAffinity", std::move(out)}});
}

Value pod_node_selector(const Placement& placement, const engine::Node& node) {
  Value out = Value::object();
  for (const auto& [key, label] : placement.labels) out.set(key, label);
  for (const Setting& setting : placement.selectors) {
    const Value more = object_of(setting_of(setting, node));
    for (const auto& [key, label] : more.members()) out.set(key, label);
  }
  return out.empty() ? Value() : out;
}

// A parameter may hold one toleration, or a list of them.
Value pod_tolerations(const std::vector<Setting>& settings, const engine::Node& node) {
  Value out = Value::array();
  for (const Setting& setting : settings) {
    const Value value = object_of(setting_of(setting, node));
    if (value.is_object() && !value.empty()) out.push(value);
    for (const Value& item : value.items()) out.push(item);
  }
  return out.empty() ? Value() : out;
}

}  // namespace millrace::pipelines::executors
