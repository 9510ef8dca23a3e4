#include "iam/request_keys.h"

#include <algorithm>
#include <array>

#include "base/time.h"
#include "net/http.h"

namespace millrace::iam {
namespace {

using Kind = aws::Principal::Kind;

constexpr std::string_view kContentSha256 = "s3:x-amz-content-sha256";

// Which actions have a key.
enum : unsigned {
  kPutObject = 1,
  kObjectAcl = 2,
  kCreateBucket = 4,
  kBucketAcl = 8,
  kRetention = 16,
  kLegalHold = 32,
  kBypass = 64
};

struct HeaderKey {
  std::string_view header;
  const char* key;
  unsigned actions;
};
constexpr unsigned kWrite = kPutObject | kBypass, kAcl = kWrite | kObjectAcl | kCreateBucket | kBucketAcl;
constexpr std::array kS3Headers = {
    HeaderKey{"x-amz-acl", "s3:x-amz-acl", kAcl},
    HeaderKey{"x-amz-grant-full-control", "s3:x-amz-grant-full-control", kAcl},
    HeaderKey{"x-amz-grant-read", "s3:x-amz-grant-read", kAcl},
    HeaderKey{"x-amz-grant-read-acp", "s3:x-amz-grant-read-acp", kAcl},
    HeaderKey{"x-amz-grant-write", "s3:x-amz-grant-write", kAcl},
    HeaderKey{"x-amz-grant-write-acp", "s3:x-amz-grant-write-acp", kAcl},
    HeaderKey{"x-amz-storage-class", "s3:x-amz-storage-class", kWrite | kObjectAcl},
    HeaderKey{"x-amz-copy-source", "s3:x-amz-copy-source", kWrite},
    HeaderKey{"x-amz-metadata-directive", "s3:x-amz-metadata-directive", kWrite},
    HeaderKey{"x-amz-server-side-encryption", "s3:x-amz-server-side-encryption", kWrite},
    HeaderKey{"x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-aws-kms-key-id", kWrite},
    HeaderKey{"x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-server-side-encryption-customer-algorithm",
              kWrite},
    HeaderKey{"x-amz-website-redirect-location", "s3:x-amz-website-redirect-location", kWrite},
    HeaderKey{"x-amz-object-lock-mode", "s3:object-lock-mode", kPutObject | kRetention},
    HeaderKey{"x-amz-object-lock-retain-until-date", "s3:object-lock-retain-until-date", kPutObject | kRetention},
    HeaderKey{"x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold", kPutObject | kLegalHold},
    HeaderKey{"x-amz-object-ownership", "s3:x-amz-object-ownership", kCreateBucket},
    HeaderKey{"x-amz-bucket-namespace", "s3:x-amz-bucket-namespace", kCreateBucket}};

// The actions that headers speak of; 0: none of them.
unsigned header_actions(std::string_view action) {
  struct Named {
    std::string_view action;
    unsigned bit;
  };
  constexpr std::array kNamed = {Named{"s3:PutObject", kPutObject},
                                 Named{"s3:PutObjectAcl", kObjectAcl},
                                 Named{"s3:CreateBucket", kCreateBucket},
                                 Named{"s3:PutBucketAcl", kBucketAcl},
                                 Named{"s3:PutObjectRetention", kRetention},
                                 Named{"s3:PutObjectLegalHold", kLegalHold},
                                 Named{"s3:BypassGovernanceRetention", kBypass}};
  for (const Named& named : kNamed) {
    if (named.action == action) return named.bit;
  }
  return 0;
}

void add_header_keys(policy::Context& keys, const net::Headers& headers, std::string_view action) {
  if (const std::string_view hash = headers.get("x-amz-content-sha256"); !hash.empty())
    keys[std::string(kContentSha256)] = {std::string(hash)};
  const unsigned actions = header_actions(action);
  if (actions == 0) return;
  for (const HeaderKey& known : kS3Headers) {
    if ((known.actions & actions) == 0) continue;
    if (const std::string_view value = headers.get(known.header); !value.empty())
      keys[known.key] = {std::string(value)};
  }
}

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

void add_s3_keys(policy::Context& keys, const aws::Call& call, std::string_view action) {
  keys["s3:ResourceAccount"] = {call.account};
  if (call.http == nullptr) return;
  const net::Request& request = *call.http;
  if (!request.tls_version.empty()) keys["s3:TlsVersion"] = {request.tls_version};
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
  add_header_keys(keys, request.headers, action);
  // A presigned request says in its query how its payload is signed.
  if ((presigned || version2) && !header && !keys.contains(std::string(kContentSha256)))
    keys[std::string(kContentSha256)] = {"UNSIGNED-PAYLOAD"};
}

bool has_resource_tags(std::string_view action) {
  if (!action.starts_with("s3:")) return true;
  constexpr std::array<std::string_view, 9> kWithTags = {
      "s3:GetObject",        "s3:GetObjectVersion",        "s3:GetObjectTagging",    "s3:GetObjectVersionTagging",
      "s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging",
      "s3:PutObjectAcl"};
  return std::ranges::find(kWithTags, action) != kWithTags.end();
}

}  // namespace millrace::iam
