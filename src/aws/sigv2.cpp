#include "aws/sigv2.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/encode.h"
#include "base/hash.h"
#include "base/strings.h"

namespace millrace::aws::sigv2 {
namespace {

// The parameters that change what is asked for, and are therefore signed.
// clang-format off
constexpr std::string_view kSigned[] = {
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location",
    "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
    "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "select", "select-type",
    "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website"};
// clang-format on

// What a signer knows as headers is in the URL, where the request itself does not bring it.
std::string field(const net::Request& request, std::string_view name) {
  if (const std::string* value = request.headers.find(name)) return std::string(trim(*value));
  return net::query_parameter(request, name).value_or("");
}

std::string decoded(std::string_view text) { return percent_decode(text).value_or(std::string(text)); }

std::string string_to_sign(const net::Request& request, std::string_view resource) {
  std::string text = request.method + "\n" + field(request, "content-md5") + "\n" + field(request, "content-type") +
                     "\n" + net::query_parameter(request, "Expires").value_or("") + "\n";
  std::map<std::string, std::string> amz;
  std::vector<std::pair<std::string, std::string>> parameters;
  // A parameter without a value is written without its equals sign.
  for (const std::string_view pair : split(request.raw_query, '&')) {
    const std::size_t equals = pair.find('=');
    const std::string name = decoded(pair.substr(0, equals));
    if (name.starts_with("x-amz-")) amz[name] = decoded(pair.substr(equals + 1));
    if (std::find(std::begin(kSigned), std::end(kSigned), name) == std::end(kSigned)) continue;
    parameters.emplace_back(name,
                            equals == std::string_view::npos ? name : name + "=" + decoded(pair.substr(equals + 1)));
  }
  for (const auto& [name, value] : request.headers.fields()) {
    const std::string lower = to_lower(name);
    if (lower.starts_with("x-amz-")) amz[lower] = std::string(trim(value));
  }
  for (const auto& [name, value] : amz) text += name + ":" + value + "\n";
  text += resource;
  std::sort(parameters.begin(), parameters.end());
  for (std::size_t i = 0; i < parameters.size(); ++i) text += (i == 0 ? "?" : "&") + parameters[i].second;
  return text;
}

}  // namespace

Result<std::optional<sigv4::Claim>> read_claim(const net::Request& request) {
  const auto key = net::query_parameter(request, "AWSAccessKeyId"),
             signature = net::query_parameter(request, "Signature"), expires = net::query_parameter(request, "Expires");
  if (!key || request.headers.has("authorization")) return std::optional<sigv4::Claim>();
  const auto seconds = expires ? parse_int(*expires) : std::nullopt;
  if (!signature || !seconds) {
    return fail(Code::permission_denied,
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
                "AccessDenied");
  }
  constexpr std::int64_t kFarthest = 253'402'300'799;  // the end of the year 9999
  sigv4::Claim claim;
  claim.access_key_id = *key;
  claim.signature = *signature;
  claim.payload_hash = sigv4::kUnsignedPayload;
  claim.session_token = field(request, "x-amz-security-token");
  claim.signed_at = from_epoch_ms(std::clamp<std::int64_t>(*seconds, 0, kFarthest) * 1000);
  claim.presigned = claim.version2 = true;
  return std::optional<sigv4::Claim>(std::move(claim));
}

Status verify(const net::Request& request, const sigv4::Claim& claim, std::string_view secret_access_key,
              std::string_view resource, Time now) {
  // Such a URL says when it ends, and not when it was made.
  if (now > claim.signed_at) return fail(Code::permission_denied, "Request has expired", "AccessDenied");
  const std::string expected = to_base64(as_chars(hmac_sha1(secret_access_key, string_to_sign(request, resource))));
  if (equal_constant_time(expected, claim.signature)) return {};
  return fail(
      Code::unauthenticated,
      "The request signature we calculated does not match the signature you provided. Check your key and signing "
      "method.",
      "SignatureDoesNotMatch");
}

}  // namespace millrace::aws::sigv2
