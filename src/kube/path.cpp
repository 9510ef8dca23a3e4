#include "kube/path.h"

#include "kube/refusal.h"
#include "net/routes.h"

namespace millrace::kube {
namespace {

constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::string_view kBelowProxy = "/proxy/";

// The first that fits: what stands below a namespace is never a subresource of the namespace.
// clang-format off
constexpr std::string_view kForms[] = {
    "/api/{version}/namespaces/{namespace}/{plural}",
    "/api/{version}/namespaces/{namespace}/{plural}/{name}",
    "/api/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}",
    "/api/{version}/{plural}",
    "/api/{version}/{plural}/{name}",
    "/api/{version}/{plural}/{name}/{subresource}",
    "/apis/{group}/{version}/namespaces/{namespace}/{plural}",
    "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}",
    "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}",
    "/apis/{group}/{version}/{plural}",
    "/apis/{group}/{version}/{plural}/{name}",
    "/apis/{group}/{version}/{plural}/{name}/{subresource}",
};
// clang-format on

}  // namespace

Result<ObjectPath> parse_path(std::string_view path) {
  if (path.size() > kMaxPathBytes) return fail(unknown_path());
  net::PathParameters part;
  for (const std::string_view form : kForms) {
    if (!net::match_path(form, path, part, net::Colon::is_text)) continue;
    const std::string group = part.contains("group") ? part["group"] + "/" : std::string();
    return ObjectPath{group + part["version"], part["namespace"], part["plural"], part["name"], part["subresource"]};
  }
  // What follows a proxy is a path of the pod's.
  if (const auto at = path.rfind(kBelowProxy); at != path.npos && at > 0) {
    const auto proxy = parse_path(path.substr(0, at + kBelowProxy.size() - 1));
    if (proxy && proxy->subresource == "proxy") return proxy;
  }
  return fail(unknown_path());
}

}  // namespace millrace::kube
