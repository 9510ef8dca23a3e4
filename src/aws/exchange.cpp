#include "aws/exchange.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::aws {

const Operation* Served::find(std::string_view operation) const {
  const auto found = operations.find(operation);
  return found == operations.end() ? nullptr : &found->second;
}

void ServedServices::add(Service service) {
  Served served;
  served.identity = service_identity(service.name);
  served.dialect = std::move(service.dialect);
  served.dialect.signature.scheme = served.identity.signing;
  for (Operation& operation : service.operations) {
    std::string name = operation.name;
    served.operations.emplace(std::move(name), std::move(operation));
  }
  services_.insert_or_assign(std::move(service.name), std::move(served));
}

const Served* ServedServices::find(std::string_view name) const {
  const auto found = services_.find(name);
  return found == services_.end() ? nullptr : &found->second;
}

const Served* ServedServices::that_takes(Dialect::Unsigned what) const {
  for (const auto& [name, served] : services_) {
    if (served.dialect.unsigned_requests == what) return &served;
  }
  return nullptr;
}

const Served* ServedServices::of_version2_urls() const {
  for (const auto& [name, served] : services_) {
    if (served.dialect.takes_version2_urls) return &served;
  }
  return nullptr;
}

Result<const Served*> ServedServices::signed_for(const std::string& signing_name, bool has_target) const {
  const Served* other = nullptr;
  std::vector<std::string> names;
  for (const auto& [name, served] : services_) {
    names.push_back(name);
    if (served.identity.signing_name != signing_name) continue;
    // Where two services share a signing name, only the one that speaks JSON has targets.
    if ((served.identity.protocol == Protocol::json) == has_target) return &served;
    other = &served;
  }
  if (other != nullptr) return other;
  return fail(Code::unimplemented,
              fmt::format("The service {} is not served here; {} are.", signing_name, join(names, ", ")));
}

Result<const Served*> ServedServices::of_request(const net::Request& request,
                                                 const std::optional<sigv4::Claim>& claim) const {
  const std::string_view target = request.headers.get("x-amz-target");
  if (claim) return signed_for(claim->scope.service, !target.empty());
  if (!target.empty()) {
    for (const auto& [name, served] : services_) {
      if (!served.identity.target_prefix.empty() && target.starts_with(served.identity.target_prefix + "."))
        return &served;
    }
  }
  if (const Served* forms = is_form(request) ? that_takes(Dialect::Unsigned::forms) : nullptr) return forms;
  if (const Served* rest = that_takes(Dialect::Unsigned::rest)) return rest;
  return fail(Code::unimplemented, "no service takes this request");
}

Protocol protocol_of(const Exchange& exchange) {
  if (exchange.served != nullptr) return exchange.served->identity.protocol;
  if (exchange.request.headers.has("x-amz-target")) return Protocol::json;
  return is_form(exchange.request) ? Protocol::query : Protocol::rest_xml;
}

bool is_form(const net::Request& request) {
  return request.headers.get("content-type").starts_with("application/x-www-form-urlencoded");
}

Status buffer_body(Exchange& exchange, std::size_t limit) {
  if (exchange.buffered) return {};
  net::BodyReader& source = exchange.payload ? *exchange.payload : *exchange.request.body;
  auto body = source.read_all(limit);
  if (!body && body.error().code == Code::resource_exhausted) {
    const Protocol protocol = protocol_of(exchange);
    std::string sentence =
        protocol == Protocol::rest_json
            ? fmt::format("HTTP content length exceeded {} bytes.", limit)
            : fmt::format("The request body is larger than the {} bytes that this operation takes.", limit);
    return fail(Code::resource_exhausted, std::move(sentence), common_code(protocol, CommonError::too_large));
  }
  exchange.body = MR_TRY(std::move(body));
  exchange.buffered = true;
  return {};
}

}  // namespace millrace::aws
