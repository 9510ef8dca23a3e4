#include "app/router.h"

#include "app/browser_checks.h"
#include "app/container_credentials.h"
#include "app/identity/api.h"
#include "aws/gateway.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

// KFP's API groups are versions; Kubernetes' have names: /apis/v2beta1/… and /apis/apps/v1/….
bool is_pipelines_path(std::string_view path) {
  return path.starts_with("/apis/v2beta1/") || path.starts_with("/apis/v1beta1/") ||
         path.starts_with("/apis/v1alpha1/");
}

// Where KFP's user interface reads artifacts: /artifacts/get?source=… and /artifacts/{source}/{bucket}/{key}. Other
// paths below /artifacts are those of a bucket of that name.
bool is_artifact_read(const net::Request& request) {
  std::string_view path = request.path;
  if (request.method != "GET" || !path.starts_with("/artifacts/")) return false;
  if (path == "/artifacts/get") return net::query_parameter(request, "source").has_value();
  path.remove_prefix(std::string_view("/artifacts/").size());
  for (const std::string_view source : {"minio/", "s3/", "gcs/", "file/"}) {
    if (path.starts_with(source)) return true;
  }
  return false;
}

bool is_kubernetes_path(std::string_view path) {
  if (is_pipelines_path(path)) return false;
  for (const std::string_view root : {"/api", "/apis", "/version", "/openapi", "/healthz", "/livez", "/readyz"}) {
    if (path == root || (path.starts_with(root) && path.size() > root.size() && path[root.size()] == '/')) return true;
  }
  return false;
}

}  // namespace

Api route(const net::Request& request, bool listens_on_loopback, bool is_console, std::string_view& refused_because) {
  if (ContainerCredentials::handles(request)) return Api::container_credentials;
  if (IdentityApi::handles(request)) return Api::identity;
  if (request.tls && is_kubernetes_path(request.path)) return Api::kubernetes;
  if (aws::Gateway::is_aws_request(request)) return Api::aws;
  const bool pipelines = is_pipelines_path(request.path) || is_artifact_read(request);
  if (pipelines || is_console) {
    const bool page_file = !pipelines && !request.path.starts_with("/console/");
    refused_because = browser_objection(request, {listens_on_loopback, page_file});
    if (!refused_because.empty()) return Api::refused;
    return pipelines ? Api::pipelines : Api::console;
  }
  if (is_kubernetes_path(request.path) && !request.path.starts_with("/healthz")) {
    // Tokens are not sent over plain HTTP by Kubernetes clients, so this API is on the TLS side only.
    refused_because =
        "The Kubernetes API is served over https on this port; use the kubeconfig that `millrace env` names.";
    return Api::refused;
  }
  return Api::aws;  // what is left is an unsigned S3 request, such as a public object
}

void set_browser_headers(net::Response& response) {
  net::amend(response, [](net::Response& answer) {
    if (!answer.headers.has("content-security-policy")) answer.headers.set("Content-Security-Policy", "sandbox");
  });
}

}  // namespace millrace::app
