#include "app/body_plan.h"

#include <algorithm>

#include "app/identity/api.h"
#include "app/router.h"
#include "base/strings.h"
#include "kube/writes.h"

namespace millrace::app {
namespace {

constexpr std::uint64_t kObject = 5ull << 30;           // S3's largest PUT
constexpr std::uint64_t kAwsRequest = 8u << 20;         // the gateway takes 6 MiB, aws-chunked framing comes on top
constexpr std::uint64_t kPipelinesRequest = 34u << 20;  // 32 MiB of a pipeline and the form around it
constexpr std::uint64_t kPreflight = 64u << 20;
constexpr std::uint64_t kKubernetesObject = kube::kMaxObjectBytes;
constexpr std::uint64_t kNoBody = 64 * 1024;  // of APIs that take none

// The parameters of PutObject and UploadPart, presigned ones included; others name small documents (tagging, acl).
bool is_object_parameter(std::string_view name) {
  for (const std::string_view known : {"x-id", "partNumber", "uploadId", "AWSAccessKeyId", "Signature", "Expires"}) {
    if (name == known) return true;
  }
  return name.starts_with("X-Amz-") || name.starts_with("x-amz-");
}

bool is_object_upload(const net::Request& head) {
  if (head.method != "PUT" || head.headers.has("x-amz-target")) return false;
  if (head.raw_query.empty()) return true;
  const auto parameters = split(head.raw_query, '&');
  return std::all_of(parameters.begin(), parameters.end(), [](std::string_view parameter) {
    return parameter.empty() || is_object_parameter(parameter.substr(0, parameter.find('=')));
  });
}

}  // namespace

net::BodyPlan body_plan(const net::Request& head) {
  if (IdentityApi::handles(head)) return {kPreflight, true};
  std::string_view unused;
  switch (route(head, false, head.path.starts_with("/console/"), unused)) {
    case Api::aws:
      return is_object_upload(head) ? net::BodyPlan{kObject, true} : net::BodyPlan{kAwsRequest, false};
    case Api::pipelines:
      return {kPipelinesRequest, false};
    case Api::kubernetes:
      return {kKubernetesObject, false};
    case Api::container_credentials:
    case Api::identity:
    case Api::console:
    case Api::refused:
      break;
  }
  return {kNoBody, false};
}

}  // namespace millrace::app
