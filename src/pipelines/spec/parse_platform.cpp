// The platform document of a package: what the Kubernetes extension of the SDK says about each executor.
// Source: kubeflow/pipelines kubernetes_platform/proto/kubernetes_executor_config.proto.

#include <fmt/core.h>

#include "base/strings.h"
#include "pipelines/spec/reading.h"

namespace millrace::pipelines::reading {
namespace {

// One field of the configuration, with where it stands.
struct Field {
  const Value& value;
  std::string path;
  Executor& executor;
};

// A constant, or an input parameter's source, which the engine resolves when the task starts.
Result<Setting> dynamic_setting(const Value& parameter, const std::string& path, Executor& executor) {
  ParameterSource source = MR_TRY(parse_parameter_source(parameter, path));
  if (source.kind == ParameterSource::Kind::constant) return Setting{std::move(source.constant)};
  executor.sources.push_back(std::move(source));
  return Setting{Value(), static_cast<int>(executor.sources.size()) - 1};
}

// The name of a Secret, ConfigMap or claim: the newer `…Parameter` field wins over the plain one.
Result<Setting> name_setting(const Value& entry, std::string_view plain, std::string_view parameter,
                             const Field& field) {
  Setting setting{entry[plain]};
  if (!entry[parameter].empty()) setting = MR_TRY(dynamic_setting(entry[parameter], field.path, field.executor));
  if (setting.source < 0 && setting.value.string_or().empty())
    return wrong(entry, field.path, fmt::format("{} is missing", plain));
  return setting;
}

Result<std::string> mount_path(const Value& entry, const Field& field) {
  const std::string path = entry["mountPath"].string_or();
  if (!path.starts_with('/') || path.find_first_not_of('/') == std::string::npos)
    return wrong(entry, field.path, "mountPath must be an absolute path below /");
  for (std::size_t at = path.find(".."); at != std::string::npos; at = path.find("..", at + 1)) {
    const bool begins = path[at - 1] == '/', ends = at + 2 == path.size() || path[at + 2] == '/';
    if (begins && ends) return wrong(entry, field.path, "mountPath must not contain ..");
  }
  return path;
}

Status keys_as_env(const Field& field, bool secret) {
  for (const Value& entry : field.value.items()) {
    KeysAsEnv keys{secret, {}, entry["optional"].bool_or(false), {}};
    if (entry.has("allKeys")) keys.prefix = entry["allKeys"].string_or();
    keys.name = MR_TRY(name_setting(entry, secret ? "secretName" : "configMapName",
                                    secret ? "secretNameParameter" : "configMapNameParameter", field));
    for (const Value& pair : entry["keyToEnv"].items())
      keys.key_to_variable.emplace_back(pair[secret ? "secretKey" : "configMapKey"].string_or(),
                                        pair["envVar"].string_or());
    field.executor.env_from_keys.push_back(std::move(keys));
  }
  return {};
}

Status keys_as_files(const Field& field, bool secret) {
  for (const Value& entry : field.value.items()) {
    KeysAsFiles keys{secret, {}, entry["optional"].bool_or(false), MR_TRY(mount_path(entry, field))};
    keys.name = MR_TRY(name_setting(entry, secret ? "secretName" : "configMapName",
                                    secret ? "secretNameParameter" : "configMapNameParameter", field));
    field.executor.files_from_keys.push_back(std::move(keys));
  }
  return {};
}

Status claims(const Field& field) {
  for (const Value& entry : field.value.items()) {
    VolumeMount mount{VolumeMount::Kind::claim, {}, entry["subPath"].string_or(), MR_TRY(mount_path(entry, field)), 0};
    if (mount.sub_path.starts_with('/') || ("/" + mount.sub_path + "/").find("/../") != std::string::npos)
      return wrong(entry, field.path, "subPath must be a relative path without ..");
    Value parameter = entry["pvcNameParameter"];
    if (parameter.empty()) {
      // The fields before pvcNameParameter was there.
      if (entry.has("constant"))
        parameter = Value::object({{"runtimeValue", Value::object({{"constant", entry["constant"]}})}});
      else if (entry.has("componentInputParameter"))
        parameter = Value::object({{"componentInputParameter", entry["componentInputParameter"]}});
      else
        parameter = Value::object({{"taskOutputParameter", entry["taskOutputParameter"]}});
    }
    mount.claim = MR_TRY(dynamic_setting(parameter, field.path, field.executor));
    field.executor.volumes.push_back(std::move(mount));
  }
  return {};
}

// int64 is text in protobuf's JSON.
std::optional<std::int64_t> whole_number(const Value& value) {
  if (value.is_string()) return parse_int(value.as_string());
  return value.is_number() ? std::optional(value.int_or(0)) : std::nullopt;
}

Result<std::uint64_t> size_limit(const Value& text, const std::string& path) {
  if (text.string_or().empty()) return std::uint64_t{0};
  const auto bytes = parse_quantity(text.string_or());
  if (!bytes) return wrong(text, path, fmt::format("\"{}\" is not a quantity", text.string_or()));
  return static_cast<std::uint64_t>(*bytes);
}

Status scratch(const Field& field) {
  for (const Value& entry : field.value.items()) {
    const bool memory = entry["medium"].string_or() == "Memory";
    field.executor.volumes.push_back({memory ? VolumeMount::Kind::memory : VolumeMount::Kind::scratch,
                                      {},
                                      "",
                                      MR_TRY(mount_path(entry, field)),
                                      MR_TRY(size_limit(entry["sizeLimit"], field.path))});
  }
  return {};
}

LabelRequirement requirement(const Value& value) {
  LabelRequirement out{value["key"].string_or(), value["operator"].string_or(), {}};
  for (const Value& item : value["values"].items()) out.values.push_back(item.string_or());
  return out;
}

// A weight makes a term a preference, and with one node there is nothing to prefer.
Status node_affinity(const Field& field) {
  for (const Value& entry : field.value.items()) {
    if (!entry["nodeAffinityJson"].empty()) {
      field.executor.placement.affinities.push_back(
          MR_TRY(dynamic_setting(entry["nodeAffinityJson"], field.path, field.executor)));
      continue;
    }
    std::vector<LabelRequirement> term;
    Value terms = Value::object();
    for (const char* kind : {"matchExpressions", "matchFields"}) {
      for (const Value& expression : entry[kind].items()) term.push_back(requirement(expression));
      terms.set_if(!entry[kind].empty(), kind, entry[kind]);
    }
    Placement& placement = field.executor.placement;
    if (const std::int64_t weight = entry["weight"].int_or(0); weight > 0) {
      placement.node_affinity.child("preferredDuringSchedulingIgnoredDuringExecution")
          .push(Value::object({{"weight", weight}, {"preference", std::move(terms)}}));
      continue;
    }
    placement.node_affinity.child("requiredDuringSchedulingIgnoredDuringExecution")
        .child("nodeSelectorTerms")
        .push(std::move(terms));
    placement.required.push_back(std::move(term));
  }
  return {};
}

Status node_selector(const Field& field) {
  Placement& placement = field.executor.placement;
  for (const auto& [key, label] : field.value["labels"].members())
    placement.labels.emplace_back(key, label.string_or());
  if (!field.value["nodeSelectorJson"].empty())
    placement.selectors.push_back(MR_TRY(dynamic_setting(field.value["nodeSelectorJson"], field.path, field.executor)));
  return {};
}

Status tolerations(const Field& field) {
  for (const Value& entry : field.value.items()) {
    const Value& parameter = entry["tolerationJson"];
    field.executor.tolerations.push_back(
        parameter.empty() ? Setting{entry} : MR_TRY(dynamic_setting(parameter, field.path, field.executor)));
  }
  return {};
}

Status pod_affinity(const Field& field) {
  for (const Value& entry : field.value.items()) {
    if (entry["weight"].int_or(0) > 0) continue;  // a preference
    return refused(entry, field.path, "required affinities between pods are");
  }
  return {};
}

Status parse_field(const std::string& name, const Field& field) {
  Executor& executor = field.executor;
  const Value& value = field.value;
  if (name == "secretAsEnv" || name == "configMapAsEnv") return keys_as_env(field, name == "secretAsEnv");
  if (name == "secretAsVolume" || name == "configMapAsVolume") return keys_as_files(field, name == "secretAsVolume");
  if (name == "pvcMount") return claims(field);
  if (name == "emptyDirMounts" || name == "genericEphemeralVolume") return scratch(field);
  if (name == "nodeSelector") return node_selector(field);
  if (name == "nodeAffinity") return node_affinity(field);
  if (name == "podAffinity") return pod_affinity(field);
  if (name == "enabledSharedMemory") {
    executor.volumes.push_back(
        {VolumeMount::Kind::memory, {}, "", "/dev/shm", MR_TRY(size_limit(value["size"], field.path))});
    return {};
  }
  if (name == "podMetadata") {
    for (const auto& [key, text] : value["labels"].members()) executor.labels[key] = text.string_or();
    for (const auto& [key, text] : value["annotations"].members()) executor.annotations[key] = text.string_or();
    return {};
  }
  if (name == "fieldPathAsEnv") {
    for (const Value& entry : value.items())
      executor.env_from_fields.emplace_back(entry["name"].string_or(), entry["fieldPath"].string_or());
    return {};
  }
  if (name == "activeDeadlineSeconds") {
    executor.deadline_seconds = whole_number(value).value_or(0);
    if (executor.deadline_seconds <= 0) return wrong(value, field.path, "a whole number above 0 is expected");
    return {};
  }
  if (name == "securityContext") {
    executor.run_as_user = whole_number(value["runAsUser"]);
    executor.run_as_group = whole_number(value["runAsGroup"]);
    executor.run_as_non_root = value["runAsNonRoot"].bool_or(false);
    return {};
  }
  // Nothing is pulled and the one node has no taints: both are satisfied by saying nothing.
  if (name == "tolerations") return tolerations(field);
  if (name == "imagePullSecret" || name == "imagePullPolicy") return {};
  return refused(value, field.path, fmt::format("the Kubernetes setting {} is", name));
}

Status parse_pipeline_config(const Value& config, PipelineSpec& pipeline) {
  const std::string path = "platforms.kubernetes.pipelineConfig";
  MR_TRY(only_known(config, path,
                    {"resourceTtlOnCompletion", "resourceTtlOnSuccess", "resourceTtlOnFailure", "workspace",
                     "activeDeadlineSeconds", "parallelism"}));
  // The times to live are those of a cluster's own record of the run, which is not made here.
  pipeline.deadline_seconds = config["activeDeadlineSeconds"].int_or(0);
  if (pipeline.deadline_seconds < 0)
    return wrong(config["activeDeadlineSeconds"], path, "activeDeadlineSeconds is below 0");
  if (const std::int64_t limit = config["parallelism"].int_or(0); limit >= 0)
    pipeline.parallelism = static_cast<std::size_t>(limit);
  else
    return wrong(config["parallelism"], path, "parallelism is below 0");
  pipeline.has_workspace = config.has("workspace");
  return {};
}

}  // namespace

Status parse_platform(const Value& platform, PipelineSpec& pipeline) {
  if (platform.is_null()) return {};
  for (const auto& [name, document] : platform["platforms"].members()) {
    if (name != "kubernetes") return refused(document, "platforms." + name, fmt::format("the platform {} is", name));
    MR_TRY(only_known(document, "platforms.kubernetes", {"deploymentSpec", "pipelineConfig", "platform", "config"}));
    if (!document["config"].empty()) return refused(document["config"], "platforms.kubernetes.config", "it is");
    MR_TRY(parse_pipeline_config(document["pipelineConfig"], pipeline));
    for (const auto& [label, config] : document["deploymentSpec"]["executors"].members()) {
      const std::string path = "platforms.kubernetes.deploymentSpec.executors." + label;
      const auto executor = pipeline.executors.find(label);
      if (executor == pipeline.executors.end()) return wrong(config, path, "there is no such executor");
      for (const auto& [field, value] : config.members())
        MR_TRY(parse_field(field, {value, path + "." + field, executor->second}));
    }
  }
  return {};
}

}  // namespace millrace::pipelines::reading
