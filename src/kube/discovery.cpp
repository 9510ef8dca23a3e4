#include "kube/discovery.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "base/json.h"
#include "kube/openapi.h"
#include "kube/release.h"
#include "kube/reviews.h"
#include "kube/schema.h"
#include "kube/status.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kOpenApi3 = "/openapi/v3/";

Value version() {
  return Value::object({{"major", kMajor},
                        {"minor", kMinor},
                        {"gitVersion", kGitVersion},
                        {"gitCommit", ""},
                        {"gitTreeState", "clean"},
                        {"buildDate", "1970-01-01T00:00:00Z"},
                        {"goVersion", ""},
                        {"compiler", ""},
                        {"platform", "linux/amd64"}});
}

// "coordination.k8s.io/v1" and the like, without the core group; in order.
std::vector<std::string> group_versions(const std::vector<Resource*>& resources) {
  std::vector<std::string> all;
  for (const Resource* resource : resources) {
    if (!resource->kind().group.empty()) all.push_back(resource->kind().api_version());
  }
  for (const ReviewKind& review : review_kinds()) all.push_back(std::string(review.group) + "/v1");
  std::ranges::sort(all);
  const auto repeated = std::ranges::unique(all);
  all.erase(repeated.begin(), repeated.end());
  return all;
}

Value group_of(const std::string& group_version) {
  const Value entry =
      Value::object({{"groupVersion", group_version}, {"version", group_version.substr(group_version.find('/') + 1)}});
  return Value::object({{"name", group_version.substr(0, group_version.find('/'))},
                        {"versions", Value::array({entry})},
                        {"preferredVersion", entry}});
}

Value resource_entry(const Kind& kind) {
  Value entry = Value::object({{"name", kind.plural},
                               {"singularName", kind.singular},
                               {"namespaced", kind.namespaced},
                               {"kind", kind.kind},
                               {"verbs", Value::texts(kind.verbs)}});
  entry.set_if(!kind.short_names.empty(), "shortNames", Value::texts(kind.short_names));
  entry.set_if(!kind.categories.empty(), "categories", Value::texts(kind.categories));
  return entry;
}

Value subresource_entry(const Kind& kind, std::string_view name, const std::vector<std::string>& verbs) {
  return Value::object({{"name", fmt::format("{}/{}", kind.plural, name)},
                        {"singularName", ""},
                        {"namespaced", kind.namespaced},
                        {"kind", kind.kind},
                        {"verbs", Value::texts(verbs)}});
}

Value resource_list(const std::vector<Resource*>& resources, const std::string& api_version) {
  Value list = Value::array();
  for (const Resource* resource : resources) {
    const Kind& kind = resource->kind();
    if (kind.api_version() != api_version) continue;
    list.push(resource_entry(kind));
    if (kind.is_custom) list.push(subresource_entry(kind, "status", {"get", "patch", "update"}));
  }
  for (const ReviewKind& review : review_kinds()) {
    if (std::string(review.group) + "/v1" != api_version) continue;
    list.push(Value::object({{"name", review.plural},
                             {"singularName", review.singular},
                             {"namespaced", false},
                             {"kind", review.kind},
                             {"verbs", Value::array({"create"})}}));
  }
  if (api_version == "v1") {
    list.push(Value::object({{"name", "pods/log"},
                             {"singularName", ""},
                             {"namespaced", true},
                             {"kind", "Pod"},
                             {"verbs", Value::array({"get"})}}));
  }
  return Value::object({{"kind", "APIResourceList"}, {"groupVersion", api_version}, {"resources", std::move(list)}});
}

std::string path_of(const std::string& api_version) {
  return (api_version.find('/') == std::string::npos ? "api/" : "apis/") + api_version;
}

Value openapi_index(const std::vector<Resource*>& resources) {
  // Clients keep what they got under the URL, so that it changes with the document.
  const auto entry = [](const std::string& path) {
    return Value::object({{"serverRelativeURL", fmt::format("{}{}?hash={}", kOpenApi3, path, definitions_hash())}});
  };
  Value paths = Value::object({{path_of("v1"), entry(path_of("v1"))}});
  for (const auto& version : group_versions(resources)) paths.set(path_of(version), entry(path_of(version)));
  return Value::object({{"paths", std::move(paths)}});
}

// Clients that know only version 2 ask for it as protobuf; nobody reads version 3 but as JSON.
net::Response v2_document(const net::Request& request, const std::vector<Resource*>& resources) {
  static const Value document = openapi_v2(resources);
  if (request.headers.get("Accept").find("protobuf") == std::string_view::npos) return object(200, document);
  static const std::string encoded = openapi_protobuf(document);
  net::Response response;
  response.headers.set("Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  response.static_body = encoded;
  return response;
}

std::optional<net::Response> v3_document(std::string_view path, const std::vector<Resource*>& resources) {
  auto versions = group_versions(resources);
  versions.insert(versions.begin(), "v1");
  for (const auto& version : versions) {
    if (path == path_of(version)) return object(200, openapi_v3(resources, version));
  }
  return std::nullopt;
}

}  // namespace

std::optional<net::Response> discovery(const net::Request& request, std::string_view path,
                                       const std::vector<Resource*>& resources) {
  if (path == "/healthz" || path == "/livez" || path == "/readyz") return net::Response::text(200, "ok");
  if (path == "/version" || path == "/version/") return object(200, version());
  if (path == "/api") {
    return object(200, Value::object({{"kind", "APIVersions"},
                                      {"versions", Value::array({"v1"})},
                                      {"serverAddressByClientCIDRs", Value::array()}}));
  }
  const auto versions = group_versions(resources);
  if (path == "/apis") {
    Value groups = Value::array();
    for (const auto& version : versions) groups.push(group_of(version));
    return object(200, Value::object({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}}));
  }
  if (path == "/api/v1") return object(200, resource_list(resources, "v1"));
  for (const auto& version : versions) {
    if (path == "/apis/" + version) return object(200, resource_list(resources, version));
    if (path != "/apis/" + version.substr(0, version.find('/'))) continue;
    Value group = group_of(version);
    return object(200, group.set("kind", "APIGroup").set("apiVersion", "v1"));
  }
  if (path == "/openapi/v3") return object(200, openapi_index(resources));
  if (path == "/openapi/v2") return v2_document(request, resources);
  if (path.starts_with(kOpenApi3)) return v3_document(path.substr(kOpenApi3.size()), resources);
  return std::nullopt;
}

}  // namespace millrace::kube
