#pragma once
// A request while it is worked on, and the services it may be for.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/gateway.h"
#include "aws/model.h"
#include "aws/sigv4.h"

namespace millrace::aws {

// A service as it was registered.
struct Served {
  ServiceIdentity identity;
  Dialect dialect;
  std::map<std::string, Operation, std::less<>> operations;
  const ServiceModel& model() const { return service_model(identity.service); }
  const Operation* find(std::string_view operation) const;
};

class ServedServices {
 public:
  void add(Service service);
  const Served* find(std::string_view name) const;
  // Which service a request is for: by what it was signed for, else by its shape. Error: unimplemented.
  Result<const Served*> of_request(const net::Request& request, const std::optional<sigv4::Claim>& claim) const;
  // The service that takes URLs of signature version 2, which name none; null: none does.
  const Served* of_version2_urls() const;

 private:
  Result<const Served*> signed_for(const std::string& signing_name, bool has_target) const;
  const Served* that_takes(Dialect::Unsigned what) const;

  std::map<std::string, Served, std::less<>> services_;
};

struct Exchange {
  explicit Exchange(net::Request& of) : request(of) {}
  net::Request& request;
  Call call;
  const Served* served = nullptr;
  std::optional<sigv4::Claim> claim;
  std::string secret;
  std::string body;                          // all of it, once `buffered`
  std::unique_ptr<net::BodyReader> payload;  // checked, unread
  bool buffered = false;
  std::vector<Check> checks;  // that were asked
  Value input;
};

// The protocol in which a request is answered, whether its service was found or not.
Protocol protocol_of(const Exchange& exchange);
bool is_form(const net::Request& request);

// All of the body, into Exchange::body. Error: resource_exhausted, the protocol's code, beyond `limit` bytes.
Status buffer_body(Exchange& exchange, std::size_t limit);

// authenticate.cpp: finds what the request claims and its service, and proves who calls. Afterwards Call::principal is
// set, and the body is buffered or Exchange::payload gives it, checked at its end.
Status authenticate(Exchange& exchange, const ServedServices& services, Authenticator& authenticator,
                    const GatewayOptions& options);

}  // namespace millrace::aws
