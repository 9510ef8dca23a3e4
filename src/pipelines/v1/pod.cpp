// What a template says of its pod, as settings of the Kubernetes platform.

#include <fmt/core.h>

#include "base/strings.h"
#include "pipelines/v1/compiled.h"

namespace millrace::pipelines::v1 {
namespace {

// The volume that a mount names; of the template, else of the workflow.
const Value* find_volume(const Value& tmpl, const Value& spec, std::string_view name) {
  for (const Value* list : {&tmpl["volumes"], &spec["volumes"]}) {
    for (const Value& volume : list->items()) {
      if (volume["name"].string_or() == name) return &volume;
    }
  }
  return nullptr;
}

Status mount(const Place& at, const Place& volume, Value& config) {
  MR_TRY(only_known(at, {"name", "mountPath", "subPath", "readOnly"}));
  MR_TRY(only_known(volume, {"name", "persistentVolumeClaim", "secret", "configMap", "emptyDir"}));
  const Value& path = at.at["mountPath"];
  const bool plain = !at.at.has("subPath");
  if (const Place claim = volume.in("persistentVolumeClaim"); !claim.at.is_null()) {
    const std::string name = claim.at["claimName"].string_or();
    const auto parts = read_text(name);
    Value entry = Value::object();
    if (parts && is_one_tag(*parts) && parts->front().kind == Tag::Kind::input_parameter)
      entry.set("pvcNameParameter", Value::object({{"ownInputParameter", parts->front().name}}));
    else if (!parts || has_tags(*parts))
      return claim.refused("a claim whose name is put together at run time is not mounted");
    else
      entry.set("constant", name);
    entry.set("mountPath", path);
    entry.set_if(!plain, "subPath", at.at["subPath"]);
    if (at.at["readOnly"].bool_or(false) || claim.at["readOnly"].bool_or(false))
      return at.refused("a claim is not mounted read-only by Millrace");
    config.child("pvcMount").push(std::move(entry));
    return {};
  }
  if (!plain) return at.refused("a part (subPath) of this volume is not mounted by Millrace");
  for (const bool secret : {true, false}) {
    const Place keys = volume.in(secret ? "secret" : "configMap");
    if (keys.at.is_null()) continue;
    MR_TRY(only_known(keys, {"secretName", "name", "optional", "defaultMode"}));
    Value entry = Value::object(
        {{secret ? "secretName" : "configMapName", keys.at[secret ? "secretName" : "name"]}, {"mountPath", path}});
    entry.set_if(keys.at["optional"].bool_or(false), "optional", true);
    config.child(secret ? "secretAsVolume" : "configMapAsVolume").push(std::move(entry));
    return {};
  }
  if (!volume.at.has("emptyDir")) return volume.refused("a volume of this kind is not mounted by Millrace");
  const Value& scratch = volume.at["emptyDir"];
  Value entry = Value::object({{"volumeName", volume.at["name"]}, {"mountPath", path}});
  for (const char* field : {"medium", "sizeLimit"}) entry.set_if(scratch.has(field), field, scratch[field]);
  config.child("emptyDirMounts").push(std::move(entry));
  return {};
}

// Preferences among nodes say nothing where there is one.
Status affinity(const Place& at, Value& config) {
  MR_TRY(only_known(at, {"nodeAffinity", "podAffinity", "podAntiAffinity"}));
  for (const char* between : {"podAffinity", "podAntiAffinity"}) {
    const Place pods = at.in(between);
    if (!pods.at["requiredDuringSchedulingIgnoredDuringExecution"].empty())
      return pods.refused("required affinities between pods are not looked at by Millrace");
  }
  const Value& required = at.at["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
  for (const Value& term : required["nodeSelectorTerms"].items()) {
    Value entry = Value::object();
    for (const char* kind : {"matchExpressions", "matchFields"}) entry.set_if(term.has(kind), kind, term[kind]);
    config.child("nodeAffinity").push(std::move(entry));
  }
  return {};
}

}  // namespace

Status pod_settings(const Place& place, const Value& spec, Value& config) {
  const Place mounts = place.in("container").in("volumeMounts");
  for (const Value& entry : mounts.at.items()) {
    const Place at{entry, mounts.path};
    const std::string name = entry["name"].string_or();
    const Value* volume = find_volume(place.at, spec, name);
    if (volume == nullptr) return at.wrong(fmt::format("there is no volume \"{}\"", name));
    MR_TRY(mount(at, {*volume, place.path + ".volumes." + name}, config));
  }
  const Value& selector = place.at.has("nodeSelector") ? place.at["nodeSelector"] : spec["nodeSelector"];
  if (!selector.empty()) config.set("nodeSelector", Value::object({{"labels", selector}}));
  MR_TRY(affinity(place.in("affinity"), config));
  if (const Place deadline = place.in("activeDeadlineSeconds"); !deadline.at.is_null()) {
    const auto seconds = parse_int(MR_TRY(scalar_text(deadline)));
    if (!seconds || *seconds <= 0) return deadline.wrong("a whole number above 0 is expected");
    config.set("activeDeadlineSeconds", std::to_string(*seconds));
  }
  if (const Place security = place.in("container").in("securityContext"); !security.at.is_null()) {
    MR_TRY(only_known(security, {"runAsUser", "runAsGroup", "runAsNonRoot"}));
    config.set("securityContext", security.at);
  }
  return {};
}

}  // namespace millrace::pipelines::v1
