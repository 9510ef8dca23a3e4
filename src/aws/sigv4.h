#pragma once
// AWS Signature Version 4: signing and verifying are twins over one canonical request.
// Source: AWS IAM User Guide, "Create a signed AWS API request"; S3 API Reference, "Authenticating Requests".

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "aws/signing_scheme.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

namespace millrace::aws::sigv4 {

struct Scope {
  std::string date;  // YYYYMMDD
  std::string region;
  std::string service;
};

// What the request says about itself, before anything is proven.
struct Claim {
  std::string access_key_id;
  Scope scope;
  std::vector<std::string> signed_headers;  // lower case, as listed
  std::string signature;                    // lower-case hex
  std::string payload_hash;                 // x-amz-content-sha256, or empty when absent
  std::string session_token;
  Time signed_at{};
  bool presigned = false;
  bool version2 = false;            // see sigv2.h: the scope is the server's own, and `expires` is not used
  std::chrono::seconds expires{0};  // presigned only
};

// nullopt: the request carries no SigV4 authentication at all (anonymous). Errors carry AWS's codes in reason:
// IncompleteSignature, AuthorizationQueryParametersError, InvalidArgument…
Result<std::optional<Claim>> read_claim(const net::Request& request);

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
// The message of an IncompleteSignature for a request without a date.
inline constexpr std::string_view kNoDate =
    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";

// What a service asks of a signature, and how it refuses one.
struct Rule {
  Scheme scheme = Scheme::common;
  std::chrono::minutes skew{5};     // between the request's time and ours, either way
  bool amz_headers_signed = false;  // an x-amz- header that was not signed is refused
  std::string_view mismatch =
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
      "and signing method. Consult the service documentation for details.";
  // The date of the scope is not that of the request. Null: SignatureDoesNotMatch.
  Error (*other_date)(const Claim& claim) = nullptr;
  // Signed too long ago or in the future. Null: SignatureDoesNotMatch.
  Error (*skewed)() = nullptr;
};

// The hash that was signed; empty: that of the body, which the request does not tell.
std::string_view signed_hash(const Claim& claim, Scheme scheme);

// Checks the claim's signature with the secret key. `payload_hash` is the hex SHA-256 of the body, or the literal
// mode of x-amz-content-sha256 (UNSIGNED-PAYLOAD, STREAMING-…). Errors: SignatureDoesNotMatch, AccessDenied for a
// presigned URL out of its time and for an unsigned header, those of the rule.
Status verify(const net::Request& request, const Claim& claim, std::string_view secret_access_key,
              std::string_view payload_hash, Time now, const Rule& rule = {});

// aws-chunked bodies (STREAMING-AWS4-HMAC-SHA256-PAYLOAD[-TRAILER], STREAMING-UNSIGNED-PAYLOAD-TRAILER): decodes,
// checks each chunk's signature where signed and the trailing checksum where sent. `source` outlives the result.
Result<std::unique_ptr<net::BodyReader>> decode_chunked(const net::Request& request, const Claim& claim,
                                                        std::string_view secret_access_key, net::BodyReader& source);

struct SignOptions {
  std::string region;
  std::string service;
  Time now{};
  bool sign_body = true;  // false: UNSIGNED-PAYLOAD
  Scheme scheme = Scheme::common;
};
// Adds host, x-amz-date, x-amz-content-sha256 (Scheme::verbatim), x-amz-security-token and authorization to `headers`.
void sign(std::string_view method, std::string_view url, net::Headers& headers, std::string_view body,
          const Credentials& credentials, const SignOptions& options);
// The URL with X-Amz-… query parameters added.
std::string presign(std::string_view method, std::string_view url, const Credentials& credentials,
                    const SignOptions& options, std::chrono::seconds expires);

}  // namespace millrace::aws::sigv4
