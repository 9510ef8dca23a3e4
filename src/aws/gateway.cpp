#include "aws/gateway.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "aws/bucket_host.h"
#include "aws/codec.h"
#include "aws/errors.h"
#include "aws/hoisted_headers.h"
#include "aws/origin.h"
#include "aws/payload.h"
#include "aws/rest.h"
#include "aws/sigv2.h"
#include "aws/sigv4.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strings.h"

namespace millrace::aws {
namespace {

bool is_form(const net::Request& request) {
  return request.headers.get("content-type").starts_with("application/x-www-form-urlencoded");
}

// The operation's name where the request says it outside the body.
std::string target_operation(const net::Request& request) {
  const std::string_view target = request.headers.get("x-amz-target");
  const std::size_t dot = target.rfind('.');
  return dot == std::string_view::npos ? std::string() : std::string(target.substr(dot + 1));
}

}  // namespace

Resources any_resource() {
  return [](const Call&, const Value&) { return std::vector<std::string>{"*"}; };
}

namespace {

// Hands each check to `ask` until one fails. What `more` looks up is not looked up for one who may not do the first
// thing.
template <class Ask>
Status each_check(const Operation& entry, const Call& call, const Value& input, const Ask& ask) {
  const auto keys = entry.keys ? entry.keys(call, input) : decltype(Check::keys){};
  for (std::string& resource : entry.resources(call, input))
    MR_TRY(ask(Check{entry.action_for(input), std::move(resource), keys}));
  if (!entry.more) return {};
  for (Check& check : MR_TRY(entry.more(call, input))) MR_TRY(ask(std::move(check)));
  return {};
}

}  // namespace

struct Gateway::Impl {
  GatewayOptions options;
  Authenticator& authenticator;
  Authoriser& authoriser;
  const Clock& clock;
  std::function<void(const CallRecord&)> record;
  struct Served {
    ServiceIdentity identity;
    const ServiceModel& model() const { return service_model(identity.service); }
    std::map<std::string, Operation, std::less<>> operations;
    Dialect dialect = {};
  };
  std::map<std::string, Served, std::less<>> services;

  // What is known of a request while it is worked on, for its answer and its record.
  struct Work {
    net::Request& request;
    Call call;
    const Served* served = nullptr;
    std::optional<sigv4::Claim> claim;
    std::string secret;
    std::string body;                          // buffered
    std::unique_ptr<net::BodyReader> payload;  // checked, unread
    bool buffered = false;
    std::vector<Check> checks;
    Value input;
    bool wrong_region = false;  // S3 tells clients the right one, and they ask again
  };

  Protocol protocol_of(const Work& work) const {
    if (work.served != nullptr) return work.served->identity.protocol;
    if (work.request.headers.has("x-amz-target")) return Protocol::json;
    return is_form(work.request) ? Protocol::query : Protocol::rest_xml;
  }

  const Served* find_service(std::string_view name) const {
    const auto found = services.find(name);
    return found == services.end() ? nullptr : &found->second;
  }

  // Which service a request is for: by what it was signed for, else by its shape.
  Result<const Served*> resolve_service(const Work& work) const {
    const net::Request& request = work.request;
    const bool has_target = request.headers.has("x-amz-target");
    if (work.claim) {
      const std::string& signed_for = work.claim->scope.service;
      for (const auto& [name, served] : services) {
        if (served.identity.signing_name != signed_for) continue;
        // SageMaker's two services share a signing name; only the control plane has targets.
        if (signed_for == "sagemaker" && (served.identity.protocol == Protocol::json) != has_target) continue;
        return &served;
      }
      std::vector<std::string> names;
      for (const auto& entry : services) names.push_back(entry.first);
      return fail(Code::unimplemented,
                  fmt::format("The service {} is not served here; {} are.", signed_for, join(names, ", ")));
    }
    if (has_target) {
      const std::string_view target = request.headers.get("x-amz-target");
      for (const auto& [name, served] : services) {
        if (!served.identity.target_prefix.empty() && target.starts_with(served.identity.target_prefix + "."))
          return &served;
      }
    }
    if (const Served* query = is_form(request) ? find_service("sts") : nullptr) return query;
    if (const Served* s3 = find_service("s3")) return s3;
    return fail(Code::unimplemented, "no service takes this request");
  }

  Status check_region(Work& work) const {
    const std::string& region = work.claim->scope.region;
    const std::string& service = work.served->identity.signing_name;
    const bool global = service == "iam" || service == "sts";
    if (region == options.region || (global && region == "us-east-1")) return {};
    if (service == "s3") {
      work.wrong_region = true;
      return fail(Code::invalid_argument,
                  fmt::format("The authorization header is malformed; the region '{}' is wrong; expecting '{}'", region,
                              options.region),
                  "AuthorizationHeaderMalformed");
    }
    return fail(Code::unauthenticated,
                fmt::format("Credential should be scoped to a valid region, not '{}'; this server stands for {}.",
                            region, options.region));
  }

  // S3 has codes of its own for a signature that cannot be read.
  static Error in_words_of_s3(Error error) {
    if (error.reason != "IncompleteSignature") return error;
    if (error.message.find("existence of either") != std::string::npos) {
      return {Code::permission_denied, "AWS authentication requires a valid Date or x-amz-date header", "AccessDenied"};
    }
    return {Code::invalid_argument, "The authorization header is malformed; " + error.message,
            "AuthorizationHeaderMalformed"};
  }

  // Proves who calls. Afterwards work.payload gives the body, checked at its end.
  Status authenticate(Work& work) {
    const Time now = work.call.now;
    const Protocol protocol = work.served->identity.protocol;
    if (!work.claim) {
      if (work.served->identity.service != "s3") {
        MR_TRY(refuse_unsigned_operation(work));
        return fail(Code::unauthenticated, "Request is missing Authentication Token",
                    common_code(protocol, CommonError::missing_token));
      }
      // What is signed in another way is not taken for unsigned.
      if (work.request.headers.has("authorization"))
        return fail(Code::invalid_argument, "Unsupported Authorization Type", "InvalidArgument");
      work.call.principal.kind = Principal::Kind::anonymous;
      work.payload = MR_TRY(checked_payload(work.request, nullptr, "", *work.request.body));
      return {};
    }
    MR_TRY(check_region(work));
    auto found = authenticator.find(work.claim->access_key_id, work.claim->session_token, now);
    if (!found) {
      Error error = found.error();
      if (error.reason.starts_with("Expired")) {
        error.reason = common_code(protocol, CommonError::expired_token);
      } else if (error.reason == "InvalidToken" && protocol == Protocol::rest_xml) {
        error = {Code::invalid_argument, "The provided token is malformed or otherwise invalid.", "InvalidToken"};
      } else if (error.code == Code::unauthenticated || error.code == Code::not_found) {
        error.reason = common_code(protocol, CommonError::unknown_key);
        error.message = protocol == Protocol::rest_xml
                            ? "The AWS Access Key Id you provided does not exist in our records."
                            : "The security token included in the request is invalid.";
      }
      return fail(std::move(error));
    }
    work.secret = std::move(found->secret_access_key);
    work.call.principal = std::move(found->principal);
    work.call.principal.access_key_id = work.claim->access_key_id;
    std::string hash = work.claim->payload_hash;
    if (hash.empty() && work.served->identity.service == "s3") {
      return fail(Code::invalid_argument, "Missing required header for this request: x-amz-content-sha256",
                  "InvalidRequest");
    }
    if (hash.empty()) {
      // Services other than S3 may leave the hash to the body itself.
      work.body = MR_TRY(read_body(work, *work.request.body));
      work.buffered = true;
      hash = sha256_hex(work.body);
    }
    if (auto status = work.claim->version2
                          ? sigv2::verify(work.request, *work.claim, work.secret, bucket_in_host(work.request), now)
                          : sigv4::verify(work.request, *work.claim, work.secret, hash, now);
        !status) {
      Error error = status.error();
      if (error.reason == "SignatureDoesNotMatch") error.reason = common_code(protocol, CommonError::bad_signature);
      return fail(std::move(error));
    }
    if (!work.buffered)
      work.payload = MR_TRY(checked_payload(work.request, &*work.claim, work.secret, *work.request.body));
    return {};
  }

  Result<std::string> read_body(const Work& work, net::BodyReader& reader) const {
    auto body = reader.read_all(options.max_body_bytes);
    if (!body && body.error().code == Code::resource_exhausted) {
      return fail(Code::resource_exhausted,
                  fmt::format("The request body is larger than the {} bytes that this operation takes.",
                              options.max_body_bytes),
                  common_code(protocol_of(work), CommonError::too_large));
    }
    return body;
  }

  Status buffer(Work& work) const {
    if (work.buffered) return {};
    work.body = MR_TRY(read_body(work, *work.payload));
    work.buffered = true;
    return {};
  }

  tl::unexpected<Error> not_served(const Work& work, std::string_view operation) const {
    const ServiceModel& model = work.served->model();
    const bool real = std::binary_search(model.known_operations.begin(), model.known_operations.end(), operation);
    return fail(Code::unimplemented,
                real ? fmt::format("{} of {} is not served by Millrace yet.", operation, model.service)
                     : fmt::format("Could not find operation {} for version {}", operation, model.api_version),
                common_code(model.protocol, CommonError::unknown_operation));
  }

  // STS has operations that nobody signs (AssumeRoleWithWebIdentity). One that is not served is refused by its name
  // rather than for a signature that it cannot have.
  Status refuse_unsigned_operation(Work& work) {
    if (work.served->identity.protocol != Protocol::query) return {};
    work.payload = MR_TRY(checked_payload(work.request, nullptr, "", *work.request.body));
    MR_TRY(buffer(work));
    const std::vector<std::string>& known = work.served->model().known_operations;
    for (const auto& [key, value] : net::parse_query(work.body)) {
      if (key == "Action" && std::binary_search(known.begin(), known.end(), value) &&
          !work.served->operations.contains(value))
        return not_served(work, value);
    }
    return {};
  }

  Result<Output> perform(Work& work) {
    const ServiceModel& model = work.served->model();
    Value& input = work.input;
    const OperationModel* operation = nullptr;
    switch (model.protocol) {
      case Protocol::json: {
        const std::string name = target_operation(work.request);
        operation = model.operation(name);
        if (operation == nullptr || !work.served->operations.contains(name)) return not_served(work, name);
        MR_TRY(buffer(work));
        auto parsed = parse_json(work.body.empty() ? "{}" : work.body);
        if (!parsed) return fail(Code::invalid_argument, parsed.error().message, "SerializationException");
        input = operation->input != nullptr ? MR_TRY(from_wire_json(*operation->input, *parsed)) : Value::object();
        break;
      }
      case Protocol::query: {
        MR_TRY(buffer(work));
        Form form = net::parse_query(work.request.raw_query);
        for (auto& entry : net::parse_query(work.body)) form.push_back(std::move(entry));
        std::string name, version;
        for (const auto& [key, value] : form) {
          if (key == "Action") name = value;
          if (key == "Version") version = value;
        }
        if (name.empty())
          return fail(Code::invalid_argument, "The request must contain the parameter Action.", "MissingAction");
        operation = model.operation(name);
        if (operation == nullptr || !work.served->operations.contains(name)) return not_served(work, name);
        if (version != model.api_version) {
          return fail(Code::unimplemented,
                      fmt::format("Could not find operation {} for version {}", name,
                                  version.empty() ? "NO_VERSION_SPECIFIED" : version),
                      common_code(model.protocol, CommonError::unknown_operation));
        }
        input = operation->input != nullptr ? read_query(*operation->input, form) : Value::object();
        break;
      }
      case Protocol::rest_xml:
      case Protocol::rest_json: {
        std::string path = work.request.path;
        if (model.service == "s3") {
          if (const std::string bucket = bucket_in_host(work.request); !bucket.empty()) path = "/" + bucket + path;
          if (work.claim && work.claim->presigned) take_hoisted_headers(work.request);
        }
        std::string refused;
        auto match = match_rest(model, work.request, path, refused);
        if (!match || !work.served->operations.contains(match->operation->name)) {
          return fail(Code::unimplemented, match ? match->operation->name + " is not served by Millrace yet." : refused,
                      common_code(model.protocol, CommonError::unknown_operation));
        }
        operation = match->operation;
        if (streaming_input(*operation) == nullptr) MR_TRY(buffer(work));
        input = MR_TRY(read_rest_input(model, *operation, match->labels, work.request, work.body));
        break;
      }
    }
    work.call.operation = operation->name;
    if (work.served->dialect.prepare) MR_TRY(work.served->dialect.prepare(work.call, *operation, input));
    if (operation->input != nullptr) MR_TRY(validate(model, *operation->input, input));
    const Operation& entry = work.served->operations.find(operation->name)->second;
    MR_TRY(authorise_operation(work, entry, input));
    std::unique_ptr<net::BodyReader> buffered_payload;
    if (streaming_input(*operation) != nullptr && !work.buffered) {
      work.call.body = work.payload.get();
    } else {
      buffered_payload = net::body_from_string(work.body);
      work.call.body = buffered_payload.get();
    }
    return entry.handle(work.call, input);
  }

  Status authorise_operation(Work& work, const Operation& entry, const Value& input) {
    const auto ask = [&](Check check) {
      work.checks.push_back(std::move(check));
      return authoriser.authorise(work.call, work.checks.back());
    };
    MR_TRY(each_check(entry, work.call, input, ask));
    if (!entry.items) return {};
    for (std::vector<Check>& item : entry.items(work.call, input)) {
      Status allowed;
      for (Check& check : item) {
        allowed = ask(std::move(check));
        if (!allowed) break;
      }
      if (!allowed && allowed.error().code != Code::permission_denied) return allowed;
      work.call.refused_items.push_back(allowed ? std::string() : allowed.error().message);
    }
    return {};
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

  net::Response write(const Work& work, Output output) const {
    const ServiceModel& model = work.served->model();
    const OperationModel& operation = *model.operation(work.call.operation);
    net::Response response;
    response.status = 0;
    if (output.response) response = std::move(*output.response);
    if (response.later) {  // the operation writes the answer that comes later, but for this field
      net::amend(response, [id = work.call.request_id](net::Response& r) { r.headers.set("x-amzn-RequestId", id); });
      return response;
    }
    switch (model.protocol) {
      case Protocol::json:
        if (response.status == 0) response.status = 200;
        response.headers.set("Content-Type", "application/x-amz-json-" + model.json_version);
        response.headers.set("x-amzn-RequestId", work.call.request_id);
        if (operation.output != nullptr) response.body = to_json(to_wire_json(*operation.output, output.members));
        break;
      case Protocol::query: {
        if (response.status == 0) response.status = 200;
        response.headers.set("Content-Type", "text/xml");
        response.headers.set("x-amzn-RequestId", work.call.request_id);
        std::string& out = response.body;
        out = fmt::format("<{}Response xmlns=\"{}\">\n", operation.name, model.xml_namespace);
        if (operation.output != nullptr) {
          const std::string wrapper =
              operation.output_wrapper.empty() ? operation.name + "Result" : operation.output_wrapper;
          out += fmt::format("<{}>", wrapper);
          write_xml_members(out, *operation.output, output.members);
          out += fmt::format("</{}>\n", wrapper);
        }
        out += fmt::format("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\n</{}Response>\n",
                           work.call.request_id, operation.name);
        break;
      }
      case Protocol::rest_xml:
        response.headers.set("x-amz-request-id", work.call.request_id);
        response.headers.set("x-amz-id-2", work.call.request_id);
        write_rest_output(model, operation, output.members, response);
        break;
      case Protocol::rest_json:
        response.headers.set("x-amzn-RequestId", work.call.request_id);
        write_rest_output(model, operation, output.members, response);
        break;
    }
    return response;
  }

  void explain(Work& work, const Error& error) const {
    ErrorDetails& details = work.call.error_details;
    if (work.wrong_region) details.emplace_back("Region", options.region);
    if (work.claim && (error.reason == "InvalidAccessKeyId" || error.reason == "SignatureDoesNotMatch")) {
      details.emplace_back("AWSAccessKeyId", work.claim->access_key_id);
      if (error.reason == "SignatureDoesNotMatch") details.emplace_back("SignatureProvided", work.claim->signature);
    }
    if (work.served != nullptr && work.served->dialect.explain)
      work.served->dialect.explain(work.call, error, work.input);
  }

  net::Response refuse(const net::Request& head, const Error& error) const {
    net::Request request = head;
    Work work{request, {}, nullptr, std::nullopt, {}, {}, nullptr, false, {}, {}, false};
    if (auto claim = sigv4::read_claim(request)) work.claim = std::move(*claim);
    if (const auto served = resolve_service(work)) work.served = *served;
    return write_error(protocol_of(work), error, uuid4(), request.path, request.method == "HEAD",
                       work.served != nullptr ? work.served->identity.xml_namespace : "", {});
  }

  net::Response handle(net::Request& request) {
    Work work{request, {}, nullptr, std::nullopt, {}, {}, nullptr, false, {}, {}, false};
    work.call.authoriser = &authoriser;
    work.call.account = options.account;
    work.call.region = options.region;
    work.call.request_id = uuid4();
    work.call.now = clock.now();
    work.call.http = &request;
    const auto run = [&]() -> Result<Output> {
      auto claim = sigv4::read_claim(request);
      if (!claim) {
        auto served = resolve_service(work);
        work.served = served ? *served : nullptr;
        const bool s3 = work.served != nullptr && work.served->identity.service == "s3";
        return fail(s3 ? in_words_of_s3(claim.error()) : claim.error());
      }
      work.claim = std::move(*claim);
      if (!work.claim) {
        work.claim = MR_TRY(sigv2::read_claim(request));
        if (work.claim) work.claim->scope.region = options.region;
      }
      work.served = MR_TRY(resolve_service(work));
      work.call.service = work.served->identity.service;
      MR_TRY(authenticate(work));
      work.call.origin = origin_of(work.call.principal, request);
      return perform(work);
    };
    auto output = run();
    net::Response response;
    if (output) {
      response = write(work, std::move(*output));
    } else {
      const Error& error = output.error();
      if (error.code == Code::internal || error.code == Code::data_loss)
        log::error("{} {}: {}", work.call.service, work.call.operation, error.message);
      explain(work, error);
      response =
          write_error(protocol_of(work), error, work.call.request_id, request.path, request.method == "HEAD",
                      work.served != nullptr ? work.served->identity.xml_namespace : "", work.call.error_details);
      if (work.wrong_region) response.headers.set("x-amz-bucket-region", options.region);
    }
    if (record) {
      CallRecord entry;
      entry.at = work.call.now;
      entry.request_id = work.call.request_id;
      entry.principal_arn = work.call.principal.arn;
      entry.access_key_id = work.claim ? work.claim->access_key_id : "";
      entry.service = work.call.service;
      entry.operation = work.call.operation;
      entry.error_code = output                          ? ""
                         : output.error().reason.empty() ? std::string(code_name(output.error().code))
                                                         : output.error().reason;
      entry.source_address = request.peer_address;
      entry.user_agent = std::string(request.headers.get("user-agent"));
      entry.checks = std::move(work.checks);
      record(entry);
    }
    return response;
  }
};

Gateway::Gateway(GatewayOptions options, Authenticator& authenticator, Authoriser& authoriser, const Clock& clock,
                 std::function<void(const CallRecord&)> record)
    : impl_(new Impl{std::move(options), authenticator, authoriser, clock, std::move(record), {}}) {}

Gateway::~Gateway() = default;

void Gateway::add(Service service) {
  Impl::Served served;
  served.identity = service_identity(service.name);
  for (Operation& operation : service.operations) {
    std::string name = operation.name;
    served.operations.emplace(std::move(name), std::move(operation));
  }
  served.dialect = std::move(service.dialect);
  impl_->services.insert_or_assign(service.name, std::move(served));
}

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
  const auto served = impl_->services.find(std::string(service));
  const Impl::Served* found = served == impl_->services.end() ? nullptr : &served->second;
  const auto entry =
      found == nullptr ? decltype(found->operations.end()){} : found->operations.find(std::string(operation));
  if (found == nullptr || entry == found->operations.end())
    return fail(Code::unimplemented, fmt::format("{} of {} is not served by Millrace yet.", operation, service));
  const Call call = impl_->own_call(principal, service, operation);
  std::vector<Check> checks;
  const auto collect = [&](Check check) -> Status {
    checks.push_back(std::move(check));
    return {};
  };
  MR_TRY(each_check(entry->second, call, input, collect));
  if (!entry->second.items) return checks;
  for (std::vector<Check>& item : entry->second.items(call, input)) {
    for (Check& check : item) checks.push_back(std::move(check));
  }
  return checks;
}

Status Gateway::authorise(const Principal& principal, std::string_view service, std::string_view operation,
                          const Check& check) {
  return impl_->authoriser.authorise(impl_->own_call(principal, service, operation), check);
}

}  // namespace millrace::aws
