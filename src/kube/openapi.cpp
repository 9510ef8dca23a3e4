#include "kube/openapi.h"

#include <set>

#include <fmt/core.h>

#include "kube/release.h"
#include "kube/schema.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kV2Prefix = "#/definitions/", kV3Prefix = "#/components/schemas/";

struct Verb {
  const char* verb;    // of discovery
  const char* method;  // of the path item
  const char* action;  // x-kubernetes-action
  bool on_collection;
  bool writes;
};
constexpr Verb kVerbs[] = {
    {"list", "get", "list", true, false},
    {"create", "post", "post", true, true},
    {"deletecollection", "delete", "deletecollection", true, true},
    {"get", "get", "get", false, false},
    {"update", "put", "put", false, true},
    {"patch", "patch", "patch", false, true},
    {"delete", "delete", "delete", false, true},
};

Value info() { return Value::object({{"title", "Kubernetes"}, {"version", kRelease}}); }

Value group_version_kind(const Kind& kind) {
  return Value::object({{"group", kind.group}, {"kind", kind.kind}, {"version", kind.version}});
}

std::string base_path(const Kind& kind) { return (kind.group.empty() ? "/api/" : "/apis/") + kind.api_version() + "/"; }

Value parameters_of(const Verb& verb, bool v3) {
  Value parameters = Value::array();
  if (!verb.writes) return parameters;
  const bool deletes = std::string_view(verb.method) == "delete";
  for (const char* name : {"dryRun", "fieldManager", "fieldValidation", "force"}) {
    const std::string_view which = name;
    if (deletes && which != "dryRun") continue;
    if (which == "force" && std::string_view(verb.method) != "patch") continue;
    const char* type = which == "force" ? "boolean" : "string";
    Value parameter = Value::object({{"name", name}, {"in", "query"}});
    if (v3) {
      parameter.set("schema", Value::object({{"type", type}, {"uniqueItems", true}}));
    } else {
      parameter.set("type", type).set("uniqueItems", true);
    }
    parameters.push(std::move(parameter));
  }
  return parameters;
}

void add_paths(Value& paths, const Kind& kind, bool v3) {
  const std::string collection =
      base_path(kind) + (kind.namespaced ? "namespaces/{namespace}/" + kind.plural : kind.plural);
  for (const Verb& verb : kVerbs) {
    // kubectl before 1.27 looks at PATCH alone for whether a kind knows dry runs, whatever it is about to do.
    const bool asked_for = std::string_view(verb.verb) == "patch" && kind.allows("delete");
    if (!kind.allows(verb.verb) && !asked_for) continue;
    Value operation = Value::object(
        {{"operationId", fmt::format("{}{}{}", verb.action, kind.namespaced ? "Namespaced" : "", kind.kind)},
         {"responses", Value::object({{"200", Value::object({{"description", "OK"}})}})},
         {"x-kubernetes-action", verb.action},
         {"x-kubernetes-group-version-kind", group_version_kind(kind)}});
    Value parameters = parameters_of(verb, v3);
    if (!parameters.empty()) operation.set("parameters", std::move(parameters));
    paths.child(verb.on_collection ? collection : collection + "/{name}").set(verb.method, std::move(operation));
  }
}

// Version 3 allows no members beside a reference, so that one with a description becomes an allOf.
Value to_v3(const Value& schema) {
  if (schema.is_array()) {
    Value items = Value::array();
    for (const Value& item : schema.as_array()) items.push(to_v3(item));
    return items;
  }
  if (!schema.is_object()) return schema;
  Value made = Value::object();
  for (const auto& [key, value] : schema.as_object()) {
    if (key != "$ref" || !value.is_string()) {
      made.set(key, to_v3(value));
      continue;
    }
    const std::string target = std::string(kV3Prefix) + value.as_string().substr(kV2Prefix.size());
    if (schema.size() == 1) return Value::object({{"$ref", target}});
    made.set("allOf", Value::array({Value::object({{"$ref", target}})}));
  }
  return made;
}

void add_references(const Value& schema, std::set<std::string>& names, std::vector<std::string>& next) {
  for (const auto& [key, value] : schema.members()) {
    if (key == "$ref" && value.is_string()) {
      std::string name = value.as_string().substr(kV2Prefix.size());
      if (names.insert(name).second) next.push_back(std::move(name));
    } else {
      add_references(value, names, next);
    }
  }
  for (const Value& item : schema.items()) add_references(item, names, next);
}

bool is_of(const Value& schema, const std::string& api_version) {
  for (const Value& kind : schema.at("x-kubernetes-group-version-kind").items()) {
    const std::string group = kind.at("group").string_or(), version = kind.at("version").string_or();
    if ((group.empty() ? version : group + "/" + version) == api_version) return true;
  }
  return false;
}

}  // namespace

Value openapi_v2(const std::vector<Resource*>& resources) {
  Value paths = Value::object();
  for (const Resource* resource : resources) add_paths(paths, resource->kind(), false);
  return Value::object(
      {{"swagger", "2.0"}, {"info", info()}, {"paths", std::move(paths)}, {"definitions", definitions()}});
}

Value openapi_v3(const std::vector<Resource*>& resources, const std::string& api_version) {
  Value paths = Value::object();
  for (const Resource* resource : resources) {
    if (resource->kind().api_version() == api_version) add_paths(paths, resource->kind(), true);
  }
  std::set<std::string> names;
  std::vector<std::string> next;
  for (const auto& [name, schema] : definitions().members()) {
    if (is_of(schema, api_version) && names.insert(name).second) next.push_back(name);
  }
  while (!next.empty()) {
    const std::string name = std::move(next.back());
    next.pop_back();
    add_references(definition(name), names, next);
  }
  Value schemas = Value::object();
  for (const auto& name : names) schemas.set(name, to_v3(definition(name)));
  return Value::object({{"openapi", "3.0.0"},
                        {"info", info()},
                        {"paths", std::move(paths)},
                        {"components", Value::object({{"schemas", std::move(schemas)}})}});
}

}  // namespace millrace::kube
