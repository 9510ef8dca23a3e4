#include "app/request_plan.h"

#include <algorithm>
#include <array>

#include "app/identity/api.h"
#include "app/prune/operator_api.h"
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

// Threads are made when they are needed. 16 handlers share one fsync when all of them write; more would wait no less.
// Containers' credentials have threads of their own: children ask for them while they keep an API's threads waiting.
enum Share : std::size_t { s3, aws, pipelines, kubernetes, console, credentials, operators, count };
constexpr std::array<std::size_t, Share::count> kThreads = {16, 16, 16, 8, 8, 4, 2};

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

// What is no call of a JSON or a query service is one of S3, or reads an endpoint's answer, which takes no thread.
bool is_s3(const net::Request& head) {
  return !head.headers.has("x-amz-target") && !(head.method == "POST" && (head.path == "/" || head.path.empty()));
}

net::RequestPlan aws_plan(const net::Request& head) {
  if (is_object_upload(head)) return {kObject, true, Share::s3};
  return {kAwsRequest, false, is_s3(head) ? Share::s3 : Share::aws};
}

}  // namespace

net::RequestPlan request_plan(const net::Request& head) {
  if (OperatorApi::handles(head)) return {kNoBody, false, Share::operators};
  if (IdentityApi::handles(head)) return {kPreflight, true};
  std::string_view unused;
  switch (route(head, false, head.path.starts_with("/console/"), unused)) {
    case Api::aws:
      return aws_plan(head);
    case Api::pipelines:
      return {kPipelinesRequest, false, Share::pipelines};
    case Api::kubernetes:
      return {kKubernetesObject, false, Share::kubernetes};
    case Api::container_credentials:
      return {kNoBody, false, Share::credentials};
    case Api::identity:
    case Api::console:
    case Api::refused:
      break;
  }
  return {kNoBody, false, Share::console};
}

std::vector<std::size_t> handler_shares() { return {kThreads.begin(), kThreads.end()}; }

}  // namespace millrace::app
