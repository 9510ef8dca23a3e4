#include "aws/gateway.h"

#include <fmt/core.h>

#include "aws/exchange.h"
#include "aws/origin.h"
#include "aws/protocol.h"
#include "aws/rest.h"
#include "base/ids.h"
#include "base/log.h"

namespace millrace::aws {
namespace {

// Hands each check of an operation to `ask` until one fails. What `more` looks up is not looked up for one who may not
// do the first thing. An item that is refused is noted in Call::refused_items, and the next is asked about.
Status each_check(const Operation& entry, Call& call, const Value& input, const std::function<Status(Check)>& ask) {
  const auto keys = entry.keys ? entry.keys(call, input) : decltype(Check::keys){};
  for (std::string& resource : entry.resources(call, input))
    MR_TRY(ask(Check{entry.action_for(input), std::move(resource), keys}));
  if (entry.more) {
    for (Check& check : MR_TRY(entry.more(call, input))) MR_TRY(ask(std::move(check)));
  }
  if (!entry.items) return {};
  for (std::vector<Check>& item : entry.items(call, input)) {
    Status allowed;
    for (std::size_t i = 0; i < item.size() && allowed; ++i) allowed = ask(std::move(item[i]));
    if (!allowed && allowed.error().code != Code::permission_denied) return allowed;
    call.refused_items.push_back(allowed ? std::string() : allowed.error().message);
  }
  return {};
}

}  // namespace

Resources any_resource() {
  return [](const Call&, const Value&) { return std::vector<std::string>{"*"}; };
}

struct Gateway::Impl {
  GatewayOptions options;
  Authenticator& authenticator;
  Authoriser& authoriser;
  const Clock& clock;
  std::function<void(const CallRecord&)> record;
  ServedServices services;

  // The operation, from what is on the wire to the handler's output.
  Result<Output> perform(Exchange& exchange) {
    const Served& served = *exchange.served;
    const Dialect& dialect = served.dialect;
    if (exchange.claim && exchange.claim->presigned && dialect.complete_presigned != nullptr)
      dialect.complete_presigned(exchange.request);
    const ServiceModel& model = served.model();
    Asked asked = MR_TRY(wire_protocol(model.protocol).read(incoming(exchange)));
    const OperationModel& operation = *asked.operation;
    Value& input = exchange.input = std::move(asked.input);
    exchange.call.operation = operation.name;
    if (dialect.prepare) MR_TRY(dialect.prepare(exchange.call, operation, input));
    if (operation.input != nullptr) MR_TRY(validate(model, *operation.input, input, dialect.validation));
    const Operation& entry = *served.find(operation.name);
    MR_TRY(each_check(entry, exchange.call, input, [&](Check check) {
      exchange.checks.push_back(std::move(check));
      return authoriser.authorise(exchange.call, exchange.checks.back());
    }));
    const bool streams = streaming_input(operation) != nullptr && !exchange.buffered;
    const auto buffered = streams ? nullptr : net::body_from_string(exchange.body);
    exchange.call.body = streams ? exchange.payload.get() : buffered.get();
    return entry.handle(exchange.call, input);
  }

  Incoming incoming(Exchange& exchange) const {
    const Served& served = *exchange.served;
    const auto path = served.dialect.path;
    return {exchange.request, path == nullptr ? exchange.request.path : path(exchange.request), served.model(),
            [&served](std::string_view operation) { return served.find(operation) != nullptr; },
            [this, &exchange]() -> Result<std::string_view> {
              MR_TRY(buffer_body(exchange, options.max_body_bytes));
              return std::string_view(exchange.body);
            }};
  }

  // A call that comes from within, not over the wire.
  Call own_call(const Principal& principal, std::string_view service, std::string_view operation) const {
    Call call;
    call.principal = principal;
    call.service = service;
    call.operation = operation;
    call.account = options.account;
    call.region = options.region;
    call.origin = principal.origin;
    call.now = clock.now();
    return call;
  }

  static net::Response write(const Exchange& exchange, Output output) {
    const ServiceModel& model = exchange.served->model();
    const std::string& id = exchange.call.request_id;
    net::Response response;
    response.status = 0;
    if (output.response) response = std::move(*output.response);
    if (response.later) {  // the operation writes the answer that comes later, but for this field
      net::amend(response, [id](net::Response& r) { r.headers.set("x-amzn-RequestId", id); });
      return response;
    }
    wire_protocol(model.protocol).write(model, *model.operation(exchange.call.operation), output.members, id, response);
    return response;
  }

  static net::Response written(const Exchange& exchange, const Error& error) {
    const net::Request& request = exchange.request;
    return write_error(protocol_of(exchange), error, exchange.call.request_id, request.path, request.method == "HEAD",
                       exchange.served != nullptr ? exchange.served->identity.xml_namespace : "",
                       exchange.call.error_details);
  }

  static net::Response answer_error(Exchange& exchange, const Error& error) {
    if (error.code == Code::internal || error.code == Code::data_loss)
      log::error("{} {}: {}", exchange.call.service, exchange.call.operation, error.message);
    ErrorDetails& details = exchange.call.error_details;
    if (exchange.claim && (error.reason == "InvalidAccessKeyId" || error.reason == "SignatureDoesNotMatch")) {
      details.emplace_back("AWSAccessKeyId", exchange.claim->access_key_id);
      if (error.reason == "SignatureDoesNotMatch") details.emplace_back("SignatureProvided", exchange.claim->signature);
    }
    const Served* served = exchange.served;
    if (served != nullptr && served->dialect.explain) served->dialect.explain(exchange.call, error, exchange.input);
    auto response = written(exchange, error);
    for (const auto& [name, value] : exchange.call.error_headers.fields()) response.headers.set(name, value);
    return response;
  }

  void note(Exchange& exchange, const Result<Output>& output) const {
    CallRecord entry;
    entry.at = exchange.call.now;
    entry.request_id = exchange.call.request_id;
    entry.principal_arn = exchange.call.principal.arn;
    entry.access_key_id = exchange.claim ? exchange.claim->access_key_id : "";
    entry.service = exchange.call.service;
    entry.operation = exchange.call.operation;
    if (!output) {
      const Error& error = output.error();
      entry.error_code = error.reason.empty() ? std::string(code_name(error.code)) : error.reason;
    }
    entry.source_address = exchange.request.peer_address;
    entry.user_agent = std::string(exchange.request.headers.get("user-agent"));
    entry.checks = std::move(exchange.checks);
    record(entry);
  }

  // Before anything is proven: in the words of the service that the request seems to be for.
  net::Response refuse(const net::Request& head, const Error& error) const {
    net::Request request = head;
    Exchange exchange(request);
    exchange.call.request_id = uuid4();
    if (auto claim = sigv4::read_claim(request)) exchange.claim = std::move(*claim);
    if (const auto served = services.of_request(request, exchange.claim)) exchange.served = *served;
    return written(exchange, error);
  }

  net::Response handle(net::Request& request) {
    Exchange exchange(request);
    exchange.call.authoriser = &authoriser;
    exchange.call.account = options.account;
    exchange.call.region = options.region;
    exchange.call.request_id = uuid4();
    exchange.call.now = clock.now();
    exchange.call.http = &request;
    const auto run = [&]() -> Result<Output> {
      MR_TRY(authenticate(exchange, services, authenticator, options));
      exchange.call.origin = origin_of(exchange.call.principal, request);
      return perform(exchange);
    };
    auto output = run();
    if (output) {
      // The members are not needed once they are written, nor is the error.
      net::Response response = write(exchange, std::move(*output));
      if (record) note(exchange, output);
      return response;
    }
    net::Response response = answer_error(exchange, output.error());
    if (record) note(exchange, output);
    return response;
  }
};

Gateway::Gateway(GatewayOptions options, Authenticator& authenticator, Authoriser& authoriser, const Clock& clock,
                 std::function<void(const CallRecord&)> record)
    : impl_(new Impl{std::move(options), authenticator, authoriser, clock, std::move(record), {}}) {}

Gateway::~Gateway() = default;

void Gateway::add(Service service) { impl_->services.add(std::move(service)); }

bool Gateway::is_aws_request(const net::Request& request) {
  if (request.headers.get("authorization").starts_with("AWS")) return true;
  if (request.raw_query.find("X-Amz-Algorithm=") != std::string::npos || request.headers.has("x-amz-target"))
    return true;
  // An unsigned call of a query service: POST / with a form.
  return request.method == "POST" && request.path == "/" && is_form(request);
}

net::Response Gateway::handle(net::Request& request) { return impl_->handle(request); }
net::Response Gateway::refuse(const net::Request& head, const Error& error) const { return impl_->refuse(head, error); }

Result<std::vector<Check>> Gateway::checks_of(const Principal& principal, std::string_view service,
                                              std::string_view operation, const Value& input) const {
  const Served* served = impl_->services.find(service);
  const Operation* entry = served == nullptr ? nullptr : served->find(operation);
  if (entry == nullptr)
    return fail(Code::unimplemented, fmt::format("{} of {} is not served by Millrace yet.", operation, service));
  Call call = impl_->own_call(principal, service, operation);
  std::vector<Check> checks;
  MR_TRY(each_check(*entry, call, input, [&](Check check) -> Status {
    checks.push_back(std::move(check));
    return {};
  }));
  return checks;
}

Status Gateway::authorise(const Principal& principal, std::string_view service, std::string_view operation,
                          const Check& check) {
  return impl_->authoriser.authorise(impl_->own_call(principal, service, operation), check);
}

}  // namespace millrace::aws
