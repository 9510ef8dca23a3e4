#include "kube/discovery.h"

#include <fmt/core.h>

#include "kube/status.h"

namespace millrace::kube {
namespace {

// The release whose behaviour these kinds follow; a kubectl one minor version away from it does not warn.
Value version() {
  return Value::object({{"major", "1"},
                        {"minor", "32"},
                        {"gitVersion", "v1.32.0+millrace"},
                        {"gitCommit", ""},
                        {"gitTreeState", "clean"},
                        {"buildDate", "1970-01-01T00:00:00Z"},
                        {"goVersion", ""},
                        {"compiler", ""},
                        {"platform", "linux/amd64"}});
}

Value strings(const std::vector<std::string>& texts) {
  Value array = Value::array();
  for (const auto& text : texts) array.push(text);
  return array;
}

Value verbs(bool writable) {
  return writable ? Value::array({"create", "delete", "get", "list", "patch", "update", "watch"})
                  : Value::array({"get", "list", "watch"});
}

Value core_resources(const std::vector<Resource*>& resources) {
  Value list = Value::array();
  for (const Resource* resource : resources) {
    const Description& about = resource->description();
    Value entry = Value::object({{"name", about.plural},
                                 {"singularName", about.singular},
                                 {"namespaced", about.namespaced},
                                 {"kind", about.kind},
                                 {"verbs", verbs(about.writable)}});
    entry.set_if(!about.short_names.empty(), "shortNames", strings(about.short_names));
    entry.set_if(!about.categories.empty(), "categories", strings(about.categories));
    list.push(std::move(entry));
  }
  list.push(Value::object({{"name", "pods/log"},
                           {"singularName", ""},
                           {"namespaced", true},
                           {"kind", "Pod"},
                           {"verbs", Value::array({"get"})}}));
  return Value::object({{"kind", "APIResourceList"}, {"groupVersion", "v1"}, {"resources", std::move(list)}});
}

// OpenAPI v3 of the core group: kinds with their paths and parameters. kubectl looks here whether the server checks
// fields itself, and does: see fieldValidation in door.cpp.
Value openapi_v3(const std::vector<Resource*>& resources) {
  Value paths = Value::object(), schemas = Value::object();
  for (const Resource* resource : resources) {
    const Description& about = resource->description();
    const Value gvk = Value::object({{"group", ""}, {"kind", about.kind}, {"version", "v1"}});
    Value properties = Value::object({{"apiVersion", Value::object({{"type", "string"}})},
                                      {"kind", Value::object({{"type", "string"}})},
                                      {"metadata", Value::object({{"type", "object"}})}});
    for (const auto& property : about.properties) properties.set(property, Value::object());
    const std::string schema_name = "io.k8s.api.core.v1." + about.kind;
    schemas.set(schema_name, Value::object({{"type", "object"},
                                            {"properties", std::move(properties)},
                                            {"x-kubernetes-group-version-kind", Value::array({gvk})}}));
    const std::string collection =
        about.namespaced ? "/api/v1/namespaces/{namespace}/" + about.plural : "/api/v1/" + about.plural;
    const auto operation = [&](const char* action, bool writes) {
      Value parameters = Value::array();
      for (const char* name : {"dryRun", "fieldManager", "fieldValidation"}) {
        if (writes)
          parameters.push(
              Value::object({{"name", name}, {"in", "query"}, {"schema", Value::object({{"type", "string"}})}}));
      }
      return Value::object({{"x-kubernetes-action", action},
                            {"x-kubernetes-group-version-kind", gvk},
                            {"parameters", std::move(parameters)},
                            {"responses", Value::object({{"200", Value::object({{"description", "OK"}})}})}});
    };
    Value on_collection = Value::object({{"get", operation("list", false)}});
    Value on_object = Value::object({{"get", operation("get", false)}});
    if (about.writable) {
      on_collection.set("post", operation("post", true));
      on_object.set("put", operation("put", true))
          .set("patch", operation("patch", true))
          .set("delete", operation("delete", true));
    }
    paths.set(collection, std::move(on_collection));
    paths.set(collection + "/{name}", std::move(on_object));
  }
  return Value::object({{"openapi", "3.0.0"},
                        {"info", Value::object({{"title", "Kubernetes"}, {"version", "v1.32.0"}})},
                        {"paths", std::move(paths)},
                        {"components", Value::object({{"schemas", std::move(schemas)}})}});
}

}  // namespace

std::optional<net::Response> discovery(const net::Request& request, std::string_view path,
                                       const std::vector<Resource*>& resources) {
  if (path == "/healthz" || path == "/livez" || path == "/readyz") return net::Response::text(200, "ok");
  if (path == "/version") return object(200, version());
  if (path == "/api") {
    return object(200, Value::object({{"kind", "APIVersions"},
                                      {"versions", Value::array({"v1"})},
                                      {"serverAddressByClientCIDRs", Value::array()}}));
  }
  if (path == "/apis") {
    return object(200, Value::object({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", Value::array()}}));
  }
  if (path == "/api/v1") return object(200, core_resources(resources));
  if (path == "/openapi/v3") {
    return object(
        200,
        Value::object(
            {{"paths", Value::object({{"api/v1", Value::object({{"serverRelativeURL", "/openapi/v3/api/v1"}})}})}}));
  }
  if (path == "/openapi/v3/api/v1") {
    // Newer clients can also take this document as protobuf; JSON is what every client of v3 understands.
    return object(200, openapi_v3(resources));
  }
  if (path == "/openapi/v2") {
    // Clients that know only v2 check fields against it before they send; with no definitions they leave it to us. An
    // empty message is what an empty document is in protobuf, the form they ask for.
    net::Response response;
    if (request.headers.get("Accept").find("protobuf") != std::string_view::npos) {
      response.headers.set("Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
      return response;
    }
    return object(200, Value::object({{"swagger", "2.0"},
                                      {"info", Value::object({{"title", "Kubernetes"}, {"version", "v1.32.0"}})},
                                      {"paths", Value::object()},
                                      {"definitions", Value::object()}}));
  }
  return std::nullopt;
}

}  // namespace millrace::kube
