#include "iam/request_keys.h"

#include <array>

#include "base/time.h"
#include "net/http.h"

namespace millrace::iam {
namespace {

using Kind = aws::Principal::Kind;

// The operations that S3 gives these keys send the header of the same name.
constexpr std::array kS3Headers = {"x-amz-acl",
                                   "x-amz-content-sha256",
                                   "x-amz-copy-source",
                                   "x-amz-grant-full-control",
                                   "x-amz-grant-read",
                                   "x-amz-grant-read-acp",
                                   "x-amz-grant-write",
                                   "x-amz-grant-write-acp",
                                   "x-amz-metadata-directive",
                                   "x-amz-object-ownership",
                                   "x-amz-server-side-encryption",
                                   "x-amz-server-side-encryption-aws-kms-key-id",
                                   "x-amz-server-side-encryption-customer-algorithm",
                                   "x-amz-storage-class",
                                   "x-amz-website-redirect-location"};

std::string_view principal_type(const aws::Principal& principal) {
  switch (principal.kind) {
    case Kind::anonymous:
      return "Anonymous";
    case Kind::root:
      return "Account";
    case Kind::user:
      return is_federated(principal) ? "FederatedUser" : "User";
    case Kind::assumed_role:
      return "AssumedRole";
    case Kind::service:
      return "AWSService";
  }
  return "Anonymous";
}

}  // namespace

bool is_federated(const aws::Principal& principal) {
  return principal.kind == Kind::user && principal.arn.find(":federated-user/") != std::string::npos;
}

void add_global_keys(policy::Context& keys, const aws::Call& call, const std::string& resource_account) {
  const aws::Principal& principal = call.principal;
  const auto set = [&](const char* key, std::string value) {
    if (!value.empty()) keys[key].assign(1, std::move(value));
  };
  set("aws:CurrentTime", format_rfc3339(call.now));
  set("aws:EpochTime", std::to_string(to_epoch_ms(call.now) / 1000));
  // IAM has one endpoint, and its region is this one.
  set("aws:RequestedRegion", call.service == "iam" ? "us-east-1" : call.region);
  set("aws:PrincipalType", std::string(principal_type(principal)));
  set("aws:PrincipalIsAWSService", principal.kind == Kind::service ? "true" : "false");
  // No service here calls another with its caller's identity: jobs use their role's.
  set("aws:ViaAWSService", "false");
  if (principal.kind == Kind::service) set("aws:PrincipalServiceName", principal.arn);
  if (principal.kind == Kind::anonymous) {
    set("aws:userid", "anonymous");
  } else {
    set("aws:PrincipalArn", principal.role_arn.empty() ? principal.arn : principal.role_arn);
    set("aws:PrincipalAccount", principal.account);
    set("aws:userid", principal.id);
    // A federated session has its user's policies but not the user's name.
    if (principal.kind == Kind::user && !is_federated(principal)) set("aws:username", principal.name);
    // With temporary credentials AWS says whether there was a second factor, and there is none here; with a key of a
    // user it says nothing.
    if (principal.access_key_id.starts_with("ASIA")) set("aws:MultiFactorAuthPresent", "false");
    for (const auto& [tag, value] : principal.tags) keys["aws:PrincipalTag/" + tag] = {value};
    set("aws:SourceIdentity", principal.source_identity);
    if (principal.token_issued) set("aws:TokenIssueTime", format_rfc3339(*principal.token_issued));
  }
  set("aws:ResourceAccount", resource_account.empty() ? call.account : resource_account);
  if (call.http != nullptr) {
    const std::string& peer = call.http->peer_address;
    set("aws:SourceIp", peer.starts_with("::ffff:") ? peer.substr(7) : peer);
    set("aws:SecureTransport", call.http->tls ? "true" : "false");
    set("aws:UserAgent", std::string(call.http->headers.get("user-agent")));
    set("aws:Referer", std::string(call.http->headers.get("referer")));
  }
}

void add_s3_keys(policy::Context& keys, const aws::Call& call) {
  if (call.http == nullptr) return;
  const net::Request& request = *call.http;
  const bool presigned = request.raw_query.find("X-Amz-Algorithm=") != std::string::npos;
  const bool header = request.headers.has("authorization");
  const bool version2 = !header && !presigned && request.raw_query.find("AWSAccessKeyId=") != std::string::npos;
  if (version2) {
    keys["s3:signatureversion"] = {"AWS"};
    keys["s3:authType"] = {"REST-QUERY-STRING"};
  }
  if (header || presigned) {
    keys["s3:signatureversion"] = {"AWS4-HMAC-SHA256"};
    keys["s3:authType"] = {header ? "REST-HEADER" : "REST-QUERY-STRING"};
    std::string date(request.headers.get("x-amz-date"));
    if (presigned && !header) date = net::query_parameter(request, "X-Amz-Date").value_or("");
    if (const auto at = parse_amz_date(date))
      keys["s3:signatureAge"] = {std::to_string(to_epoch_ms(call.now) - to_epoch_ms(*at))};
  }
  for (const char* name : kS3Headers) {
    if (const std::string_view value = request.headers.get(name); !value.empty())
      keys[std::string("s3:") + name] = {std::string(value)};
  }
  // A presigned request says in its query how its payload is signed.
  if ((presigned || version2) && !header && !keys.contains("s3:x-amz-content-sha256"))
    keys["s3:x-amz-content-sha256"] = {"UNSIGNED-PAYLOAD"};
}

}  // namespace millrace::iam
