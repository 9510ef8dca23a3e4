// Who calls: from what a request says of its signature to a principal.

#include <algorithm>

#include <fmt/core.h>

#include "aws/exchange.h"
#include "aws/payload.h"
#include "aws/protocol.h"
#include "aws/sigv2.h"
#include "base/hash.h"

namespace millrace::aws {
namespace {

std::string path_of(const Exchange& exchange) {
  const auto path = exchange.served->dialect.path;
  return path == nullptr ? exchange.request.path : path(exchange.request);
}

// `error`, in the service's own words where it has some.
Error worded(const Exchange& exchange, Error error) {
  if (exchange.served == nullptr || exchange.served->dialect.own_words == nullptr) return error;
  auto own = exchange.served->dialect.own_words(error);
  return own ? std::move(*own) : std::move(error);
}

// What the request says of its signature, and the service it is for.
Status identify(Exchange& exchange, const ServedServices& services, const GatewayOptions& options) {
  auto claim = sigv4::read_claim(exchange.request);
  if (!claim) {
    const auto served = services.of_request(exchange.request, std::nullopt);
    exchange.served = served ? *served : nullptr;
    return fail(worded(exchange, std::move(claim).error()));
  }
  exchange.claim = std::move(*claim);
  if (const Served* served = exchange.claim ? nullptr : services.of_version2_urls()) {
    exchange.claim = MR_TRY(sigv2::read_claim(exchange.request));
    if (exchange.claim) {
      exchange.claim->scope.service = served->identity.signing_name;
      exchange.claim->scope.region = options.region;
    }
  }
  exchange.served = MR_TRY(services.of_request(exchange.request, exchange.claim));
  exchange.call.service = exchange.served->identity.service;
  const auto& check = exchange.served->dialect.check_claim;
  return exchange.claim && check ? check(exchange.request, *exchange.claim) : Status();
}

// A service has operations that nobody signs (AssumeRoleWithWebIdentity). One that is not served is refused by its name
// rather than for a signature that it cannot have.
Status refuse_unsigned_operation(Exchange& exchange, const GatewayOptions& options) {
  if (exchange.served->identity.protocol != Protocol::query) return {};
  exchange.payload = MR_TRY(checked_payload(exchange.request, nullptr, "", *exchange.request.body));
  MR_TRY(buffer_body(exchange, options.max_body_bytes));
  const std::vector<std::string>& known = exchange.served->model().known_operations;
  for (const auto& [key, value] : net::parse_query(exchange.body)) {
    if (key == "Action" && std::binary_search(known.begin(), known.end(), value) &&
        exchange.served->find(value) == nullptr)
      return fail(not_served(exchange.served->model(), value));
  }
  return {};
}

Status authenticate_unsigned(Exchange& exchange, const GatewayOptions& options) {
  const Dialect& dialect = exchange.served->dialect;
  if (!dialect.allow_unsigned) {
    MR_TRY(refuse_unsigned_operation(exchange, options));
    return fail(Code::unauthenticated, "Request is missing Authentication Token",
                common_code(exchange.served->identity.protocol, CommonError::missing_token));
  }
  MR_TRY(dialect.allow_unsigned(exchange.request));
  exchange.call.principal.kind = Principal::Kind::anonymous;
  exchange.payload =
      MR_TRY(checked_payload(exchange.request, nullptr, "", *exchange.request.body, dialect.broken_body));
  return {};
}

Status check_region(Exchange& exchange, const GatewayOptions& options) {
  const std::string& region = exchange.claim->scope.region;
  const Dialect& dialect = exchange.served->dialect;
  if (region == options.region || std::ranges::find(dialect.regions, region) != dialect.regions.end()) return {};
  if (dialect.wrong_region) return fail(dialect.wrong_region(exchange.call, region));
  return fail(Code::unauthenticated,
              fmt::format("Credential should be scoped to a valid region, not '{}'; this server serves {}.", region,
                          options.region));
}

Error unknown_credential(const Exchange& exchange, Error error) {
  const Protocol protocol = exchange.served->identity.protocol;
  if (error.reason.starts_with("Expired")) {
    error.reason = common_code(protocol, CommonError::expired_token);
    return error;
  }
  if (error.code != Code::unauthenticated && error.code != Code::not_found) return error;
  Error common{error.code, "The security token included in the request is invalid.",
               common_code(protocol, CommonError::unknown_key)};
  if (exchange.served->dialect.own_words == nullptr) return common;
  auto own = exchange.served->dialect.own_words(error);
  return own ? std::move(*own) : std::move(common);
}

Status verify(const Exchange& exchange, std::string_view payload_hash) {
  const Time now = exchange.call.now;
  auto status = exchange.claim->version2
                    ? sigv2::verify(exchange.request, *exchange.claim, exchange.secret, path_of(exchange), now)
                    : sigv4::verify(exchange.request, *exchange.claim, exchange.secret, payload_hash, now,
                                    exchange.served->dialect.signature);
  if (status) return {};
  Error error = std::move(status).error();
  if (error.reason == "SignatureDoesNotMatch")
    error.reason = common_code(exchange.served->identity.protocol, CommonError::bad_signature);
  return fail(std::move(error));
}

Status authenticate_signed(Exchange& exchange, Authenticator& authenticator, const GatewayOptions& options) {
  const Dialect& dialect = exchange.served->dialect;
  MR_TRY(check_region(exchange, options));
  auto found = authenticator.find(exchange.claim->access_key_id, exchange.claim->session_token, exchange.call.now);
  if (!found) return fail(unknown_credential(exchange, std::move(found).error()));
  exchange.secret = std::move(found->secret_access_key);
  exchange.call.principal = std::move(found->principal);
  exchange.call.principal.access_key_id = exchange.claim->access_key_id;
  exchange.claim->payload_hash = sigv4::signed_hash(*exchange.claim, dialect.signature.scheme);
  std::string hash = exchange.claim->payload_hash;
  if (hash.empty() && dialect.signature.scheme == sigv4::Scheme::verbatim) {
    return fail(Code::invalid_argument, "Missing required header for this request: x-amz-content-sha256",
                "InvalidRequest");
  }
  if (hash.empty()) {  // it is that of the body itself
    MR_TRY(buffer_body(exchange, options.max_body_bytes));
    hash = sha256_hex(exchange.body);
  }
  MR_TRY(verify(exchange, hash));
  if (!exchange.buffered) {
    exchange.payload = MR_TRY(checked_payload(exchange.request, &*exchange.claim, exchange.secret,
                                              *exchange.request.body, dialect.broken_body));
  }
  return {};
}

}  // namespace

Status authenticate(Exchange& exchange, const ServedServices& services, Authenticator& authenticator,
                    const GatewayOptions& options) {
  MR_TRY(identify(exchange, services, options));
  return exchange.claim ? authenticate_signed(exchange, authenticator, options)
                        : authenticate_unsigned(exchange, options);
}

}  // namespace millrace::aws
