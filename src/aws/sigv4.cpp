#include "aws/sigv4.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "aws/sigv4_canonical.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/strings.h"

namespace millrace::aws::sigv4 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::chrono::minutes kPresignedSkew{15};
constexpr std::chrono::seconds kLongestExpiry{7 * 24 * 3600};
constexpr std::size_t kKeysKept = 512;

std::string scope_text(const Scope& scope) {
  return fmt::format("{}/{}/{}/aws4_request", scope.date, scope.region, scope.service);
}

// Deriving a key takes four HMACs; the same one serves a day.
Sha256 signing_key(std::string_view secret, const Scope& scope) {
  static Mutex mutex;
  static std::map<std::string, Sha256> cache;
  // The cache is keyed by a digest of the secret, so that no secret lies in it.
  const std::string id = std::string(as_chars(sha256(secret))) + scope_text(scope);
  {
    const MutexLock lock(mutex);
    if (const auto found = cache.find(id); found != cache.end()) return found->second;
  }
  const Sha256 date = hmac_sha256("AWS4" + std::string(secret), scope.date);
  const Sha256 region = hmac_sha256(as_chars(date), scope.region);
  const Sha256 service = hmac_sha256(as_chars(region), scope.service);
  const Sha256 key = hmac_sha256(as_chars(service), "aws4_request");
  const MutexLock lock(mutex);
  if (cache.size() >= kKeysKept) cache.clear();
  cache.emplace(id, key);
  return key;
}

tl::unexpected<Error> incomplete(std::string message) {
  return fail(Code::unauthenticated, std::move(message), "IncompleteSignature");
}

Result<Scope> parse_scope(std::string_view credential, std::string& access_key_id) {
  const auto parts = split(credential, '/');
  if (parts.size() < 5 || parts.back() != "aws4_request") {
    return incomplete(
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" +
        std::string(credential) + "'.");
  }
  const std::size_t n = parts.size();
  access_key_id =
      std::string(credential.substr(0, static_cast<std::size_t>(parts[n - 4].data() - credential.data()) - 1));
  return Scope{std::string(parts[n - 4]), std::string(parts[n - 3]), std::string(parts[n - 2])};
}

std::vector<std::string> parse_signed_headers(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view name : split(text, ';')) names.push_back(to_lower(name));
  return names;
}

Result<Claim> claim_from_header(const net::Request& request, std::string_view authorization) {
  Claim claim;
  std::string_view rest = authorization.substr(kAlgorithm.size());
  std::string_view credential, signed_headers, signature;
  for (std::string_view part : split(rest, ',')) {
    part = trim(part);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      return incomplete("Authorization header is not of the form Key=Value: " + std::string(part));
    const std::string_view name = part.substr(0, equals), value = part.substr(equals + 1);
    if (name == "Credential") credential = value;
    if (name == "SignedHeaders") signed_headers = value;
    if (name == "Signature") signature = value;
  }
  if (credential.empty()) return incomplete("Authorization header requires 'Credential' parameter.");
  if (signature.empty()) return incomplete("Authorization header requires 'Signature' parameter.");
  if (signed_headers.empty()) return incomplete("Authorization header requires 'SignedHeaders' parameter.");
  claim.scope = MR_TRY(parse_scope(credential, claim.access_key_id));
  claim.signed_headers = parse_signed_headers(signed_headers);
  claim.signature = std::string(signature);
  claim.payload_hash = std::string(request.headers.get("x-amz-content-sha256"));
  claim.session_token = std::string(request.headers.get("x-amz-security-token"));
  const std::string_view amz_date = request.headers.get("x-amz-date");
  if (!amz_date.empty()) {
    const auto at = parse_amz_date(amz_date);
    if (!at) return incomplete("Date must be in ISO-8601 'basic format'. Got '" + std::string(amz_date) + "'.");
    claim.signed_at = *at;
  } else if (const auto at = parse_http_date(request.headers.get("date"))) {
    claim.signed_at = *at;
  } else {
    return incomplete(std::string(kNoDate));
  }
  if (std::find(claim.signed_headers.begin(), claim.signed_headers.end(), "host") == claim.signed_headers.end()) {
    return fail(Code::unauthenticated, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
                "SignatureDoesNotMatch");
  }
  return claim;
}

Result<Claim> claim_from_query(const net::Request& request) {
  Claim claim;
  claim.presigned = true;
  std::string credential, expires, date, signed_headers;
  for (const auto& [name, value] : net::parse_query(request.raw_query)) {
    if (name == "X-Amz-Credential") credential = value;
    if (name == "X-Amz-Date") date = value;
    if (name == "X-Amz-Expires") expires = value;
    if (name == "X-Amz-SignedHeaders") signed_headers = value;
    if (name == "X-Amz-Signature") claim.signature = value;
    if (name == "X-Amz-Security-Token") claim.session_token = value;
    if (name == "X-Amz-Content-Sha256") claim.payload_hash = value;
  }
  const auto bad = [](std::string message) {
    return fail(Code::invalid_argument, std::move(message), "AuthorizationQueryParametersError");
  };
  if (credential.empty() || date.empty() || signed_headers.empty() || claim.signature.empty() || expires.empty()) {
    return bad(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  claim.scope = MR_TRY(parse_scope(credential, claim.access_key_id));
  claim.signed_headers = parse_signed_headers(signed_headers);
  const auto at = parse_amz_date(date);
  if (!at) return bad("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  claim.signed_at = *at;
  const auto seconds = parse_int(expires);
  if (!seconds) return bad("X-Amz-Expires should be a number");
  if (*seconds < 0) return bad("X-Amz-Expires must be non-negative");
  claim.expires = std::chrono::seconds(*seconds);
  if (claim.expires > kLongestExpiry)
    return bad(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
        "604800 seconds");
  return claim;
}

tl::unexpected<Error> other_date(const Claim& claim, const Rule& rule) {
  if (rule.other_date != nullptr) return fail(rule.other_date(claim));
  return fail(
      Code::unauthenticated,
      fmt::format(
          "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', "
          "from '{}'.",
          claim.scope.date, format_compact_date(claim.signed_at), format_amz_date(claim.signed_at)),
      "SignatureDoesNotMatch");
}

tl::unexpected<Error> skewed(const Claim& claim, Time now, const Rule& rule) {
  if (rule.skewed != nullptr) return fail(rule.skewed());
  const std::string at = format_amz_date(claim.signed_at), current = format_amz_date(now);
  const bool early = claim.signed_at < now;
  const std::string limit = format_amz_date(early ? now - rule.skew : now + rule.skew);
  return fail(Code::unauthenticated,
              early ? fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)", at, limit, current,
                                  rule.skew.count())
                    : fmt::format("Signature not yet current: {} is still later than {} ({} + {} min.)", at, limit,
                                  current, rule.skew.count()),
              "SignatureDoesNotMatch");
}

Status check_time(const Claim& claim, Time now, const Rule& rule) {
  if (claim.presigned) {
    if (now > claim.signed_at + claim.expires)
      return fail(Code::permission_denied, "Request has expired", "AccessDenied");
    if (now + kPresignedSkew < claim.signed_at)
      return fail(Code::permission_denied, "Request is not yet valid", "AccessDenied");
    return {};
  }
  if (format_compact_date(claim.signed_at) != claim.scope.date) return other_date(claim, rule);
  if (now - claim.signed_at <= rule.skew && claim.signed_at - now <= rule.skew) return {};
  return skewed(claim, now, rule);
}

// Where x-amz-* headers change what is done (a copy's source, an ACL), none may be slipped into somebody's signed
// request.
Status check_all_signed(const net::Request& request, const Claim& claim) {
  for (const auto& [name, value] : request.headers.fields()) {
    const std::string lower = to_lower(name);
    if (!lower.starts_with("x-amz-") || lower == "x-amz-user-agent") continue;
    if (std::find(claim.signed_headers.begin(), claim.signed_headers.end(), lower) == claim.signed_headers.end()) {
      return fail(Code::permission_denied, "There were headers present in the request which were not signed: " + lower,
                  "AccessDenied");
    }
  }
  return {};
}

// scheme://host[:port]/path?query
struct UrlParts {
  std::string host, path, query;
};
UrlParts split_url(std::string_view url) {
  UrlParts parts;
  const std::size_t start = url.find("://") == std::string_view::npos ? 0 : url.find("://") + 3;
  const std::string_view scheme = url.substr(0, start);
  const std::size_t slash = url.find_first_of("/?", start);
  parts.host = std::string(url.substr(start, slash == std::string_view::npos ? slash : slash - start));
  // The default port is not part of the Host field that HTTP clients send.
  if (scheme == "http://" && parts.host.ends_with(":80")) parts.host.resize(parts.host.size() - 3);
  if (scheme == "https://" && parts.host.ends_with(":443")) parts.host.resize(parts.host.size() - 4);
  std::string_view rest = slash == std::string_view::npos ? std::string_view() : url.substr(slash);
  const std::size_t question = rest.find('?');
  parts.path = std::string(rest.substr(0, question));
  if (parts.path.empty()) parts.path = "/";
  if (question != std::string_view::npos) parts.query = std::string(rest.substr(question + 1));
  return parts;
}

}  // namespace

std::string string_to_sign(Time at, const Scope& scope, std::string_view canonical) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, format_amz_date(at), scope_text(scope), sha256_hex(canonical));
}

std::string signature_of(std::string_view secret, const Scope& scope, std::string_view text) {
  return to_hex(hmac_sha256(as_chars(signing_key(secret, scope)), text));
}

Result<std::optional<Claim>> read_claim(const net::Request& request) {
  const std::string_view authorization = request.headers.get("authorization");
  if (authorization.starts_with(kAlgorithm)) {
    return std::optional<Claim>(MR_TRY(claim_from_header(request, authorization)));
  }
  if (authorization.starts_with("AWS")) {
    return fail(Code::invalid_argument,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
                "InvalidRequest");
  }
  if (const auto algorithm = net::query_parameter(request, "X-Amz-Algorithm")) {
    if (*algorithm != kAlgorithm) {
      return fail(Code::invalid_argument, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
                  "AuthorizationQueryParametersError");
    }
    return std::optional<Claim>(MR_TRY(claim_from_query(request)));
  }
  return std::optional<Claim>();
}

std::string_view signed_hash(const Claim& claim, Scheme scheme) {
  if (claim.payload_hash.empty() && claim.presigned && scheme == Scheme::verbatim) return kUnsignedPayload;
  return claim.payload_hash;
}

Status verify(const net::Request& request, const Claim& claim, std::string_view secret_access_key,
              std::string_view payload_hash, Time now, const Rule& rule) {
  MR_TRY(check_time(claim, now, rule));
  const std::string canonical = canonical_request(request.method, request.path, request.raw_query, request.headers,
                                                  claim.signed_headers, payload_hash, rule.scheme);
  const std::string expected =
      signature_of(secret_access_key, claim.scope, string_to_sign(claim.signed_at, claim.scope, canonical));
  if (!equal_constant_time(expected, claim.signature))
    return fail(Code::unauthenticated, std::string(rule.mismatch), "SignatureDoesNotMatch");
  return rule.amz_headers_signed ? check_all_signed(request, claim) : Status();
}

void sign(std::string_view method, std::string_view url, net::Headers& headers, std::string_view body,
          const Credentials& credentials, const SignOptions& options) {
  const UrlParts parts = split_url(url);
  const Scope scope{format_compact_date(options.now), options.region, options.service};
  const std::string hash = options.sign_body ? sha256_hex(body) : std::string(kUnsignedPayload);
  headers.set("Host", parts.host);
  headers.set("X-Amz-Date", format_amz_date(options.now));
  if (options.scheme == Scheme::verbatim) headers.set("X-Amz-Content-Sha256", hash);
  if (!credentials.session_token.empty()) headers.set("X-Amz-Security-Token", credentials.session_token);
  std::vector<std::string> names;
  for (const auto& [name, value] : headers.fields()) {
    std::string lower = to_lower(name);
    if (lower == "host" || lower == "content-type" || lower == "content-md5" || lower.starts_with("x-amz-"))
      names.push_back(std::move(lower));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::string canonical =
      canonical_request(method, parts.path, parts.query, headers, names, hash, options.scheme);
  const std::string signature =
      signature_of(credentials.secret_access_key, scope, string_to_sign(options.now, scope, canonical));
  headers.set("Authorization", fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                                           credentials.access_key_id, scope_text(scope), join(names, ";"), signature));
}

std::string presign(std::string_view method, std::string_view url, const Credentials& credentials,
                    const SignOptions& options, std::chrono::seconds expires) {
  const UrlParts parts = split_url(url);
  const Scope scope{format_compact_date(options.now), options.region, options.service};
  std::string query = parts.query;
  const auto add = [&](std::string_view name, std::string_view value) {
    query += fmt::format("{}{}={}", query.empty() ? "" : "&", name, percent_encode(value));
  };
  add("X-Amz-Algorithm", kAlgorithm);
  add("X-Amz-Credential", credentials.access_key_id + "/" + scope_text(scope));
  add("X-Amz-Date", format_amz_date(options.now));
  add("X-Amz-Expires", std::to_string(expires.count()));
  add("X-Amz-SignedHeaders", "host");
  if (!credentials.session_token.empty()) add("X-Amz-Security-Token", credentials.session_token);
  net::Headers headers;
  headers.set("Host", parts.host);
  const std::string hash = options.scheme == Scheme::verbatim ? std::string(kUnsignedPayload) : sha256_hex("");
  const std::string canonical = canonical_request(method, parts.path, query, headers, {"host"}, hash, options.scheme);
  const std::string signature =
      signature_of(credentials.secret_access_key, scope, string_to_sign(options.now, scope, canonical));
  return fmt::format("{}?{}&X-Amz-Signature={}", url.substr(0, url.find('?')), query, signature);
}

}  // namespace millrace::aws::sigv4
