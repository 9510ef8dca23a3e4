// AWS JSON 1.0 and 1.1: the operation in X-Amz-Target, its input as the body.

#include <algorithm>

#include "aws/codec.h"
#include "aws/protocol.h"
#include "base/json.h"

namespace millrace::aws {
namespace {

std::string target_operation(const net::Request& request) {
  const std::string_view target = request.headers.get("x-amz-target");
  const std::size_t dot = target.rfind('.');
  return dot == std::string_view::npos ? std::string() : std::string(target.substr(dot + 1));
}

class JsonProtocol final : public WireProtocol {
 public:
  Result<Asked> read(const Incoming& incoming) const override {
    const std::string name = target_operation(incoming.request);
    const OperationModel* operation = incoming.model.operation(name);
    if (operation == nullptr || !incoming.served(name)) return fail(not_served(incoming.model, name));
    const std::string_view body = MR_TRY(incoming.body());
    auto parsed = parse_json(body.empty() ? std::string_view("{}") : body);
    if (!parsed) return fail(Code::invalid_argument, parsed.error().message, "SerializationException");
    Value input = operation->input != nullptr ? MR_TRY(from_wire_json(*operation->input, *parsed)) : Value::object();
    return Asked{operation, std::move(input)};
  }

  void write(const ServiceModel& model, const OperationModel& operation, const Value& members,
             const std::string& request_id, net::Response& response) const override {
    if (response.status == 0) response.status = 200;
    response.headers.set("Content-Type", "application/x-amz-json-" + model.json_version);
    response.headers.set("x-amzn-RequestId", request_id);
    if (operation.output != nullptr) response.body = to_json(to_wire_json(*operation.output, members));
  }

  net::Response write_error(const Failure& failure) const override {
    net::Response response;
    response.status = failure.status;
    response.headers.set("Content-Type", "application/x-amz-json-1.1");
    response.headers.set("x-amzn-RequestId", failure.request_id);
    response.body = to_json(Value::object({{"__type", failure.code}, {"message", failure.error.message}}));
    return response;
  }

  net::ClientRequest build(const ServiceModel& model, const OperationModel& operation, const Value& input,
                           const std::string& endpoint) const override {
    net::ClientRequest request;
    request.url = endpoint + "/";
    request.headers.set("Content-Type", "application/x-amz-json-" + model.json_version);
    request.headers.set("X-Amz-Target", model.target_prefix + "." + operation.name);
    request.body = operation.input != nullptr ? to_json(to_wire_json(*operation.input, input)) : "{}";
    return request;
  }

  Result<Value> read_answer(const ServiceModel&, const OperationModel& operation,
                            net::ClientResponse& response) const override {
    if (operation.output == nullptr || response.body.empty()) return Value::object();
    return from_wire_json(*operation.output, MR_TRY(parse_json(response.body)));
  }

  ErrorText read_error(const net::ClientResponse& response) const override {
    return rest_json_protocol().read_error(response);
  }
};

}  // namespace

const WireProtocol& json_protocol() {
  static const JsonProtocol protocol;
  return protocol;
}

}  // namespace millrace::aws
