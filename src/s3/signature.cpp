#include "s3/signature.h"

#include <fmt/core.h>

#include "base/time.h"

namespace millrace::s3 {
namespace {

Error malformed(const std::string& why) {
  return {Code::invalid_argument, "The authorization header is malformed; " + why, "AuthorizationHeaderMalformed"};
}

Error other_date(const aws::sigv4::Claim& claim) {
  return malformed(fmt::format("Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{}\".",
                               claim.scope.date, format_compact_date(claim.signed_at)));
}

Error skewed() {
  return {Code::permission_denied, "The difference between the request time and the current time is too large.",
          "RequestTimeTooSkewed"};
}

}  // namespace

aws::sigv4::Rule signature_rule() {
  aws::sigv4::Rule rule;
  rule.scheme = aws::sigv4::Scheme::verbatim;
  rule.skew = std::chrono::minutes(15);
  rule.amz_headers_signed = true;
  rule.mismatch =
      "The request signature we calculated does not match the signature you provided. Check your key and signing "
      "method.";
  rule.other_date = other_date;
  rule.skewed = skewed;
  return rule;
}

std::optional<Error> own_words(const Error& error) {
  if (error.reason == "IncompleteSignature") {
    if (error.message != aws::sigv4::kNoDate) return malformed(error.message);
    return Error(Code::permission_denied, "AWS authentication requires a valid Date or x-amz-date header",
                 "AccessDenied");
  }
  if (error.reason == "InvalidToken")
    return Error(Code::invalid_argument, "The provided token is malformed or otherwise invalid.", "InvalidToken");
  if (error.reason == "InvalidClientTokenId" || error.reason == "InvalidAccessKeyId") {
    return Error(error.code, "The AWS Access Key Id you provided does not exist in our records.", "InvalidAccessKeyId");
  }
  return std::nullopt;
}

Status check_claim(const net::Request& request, const aws::sigv4::Claim& claim) {
  if (claim.presigned || !net::query_parameter(request, "X-Amz-Algorithm")) return {};
  return fail(Code::invalid_argument,
              "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
              "parameter or the Authorization header should be specified",
              "InvalidArgument");
}

Status allow_unsigned(const net::Request& request) {
  if (!request.headers.has("authorization")) return {};
  return fail(Code::invalid_argument, "Unsupported Authorization Type", "InvalidArgument");
}

Error wrong_region(aws::Call& call, const std::string& region) {
  call.error_details.emplace_back("Region", call.region);
  call.error_headers.set("x-amz-bucket-region", call.region);
  return malformed(fmt::format("the region '{}' is wrong; expecting '{}'", region, call.region));
}

}  // namespace millrace::s3
