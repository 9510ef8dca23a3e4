// REST-XML and REST-JSON: the operation by method, path and query; members in headers, query and body (rest.h).

#include <fmt/core.h>

#include "aws/codec.h"
#include "aws/protocol.h"
#include "aws/rest.h"
#include "base/json.h"

namespace millrace::aws {
namespace {

class RestProtocol : public WireProtocol {
 public:
  Result<Asked> read(const Incoming& incoming) const override {
    const ServiceModel& model = incoming.model;
    std::string refused;
    auto match = match_rest(model, incoming.request, incoming.path, refused);
    if (!match || !incoming.served(match->operation->name)) {
      return fail(Code::unimplemented, match ? match->operation->name + " is not served by Millrace yet." : refused,
                  common_code(model.protocol, CommonError::unknown_operation));
    }
    const OperationModel& operation = *match->operation;
    std::string body;
    if (streaming_input(operation) == nullptr) body = MR_TRY(incoming.body());
    return Asked{&operation,
                 MR_TRY(read_rest_input(model, operation, match->labels, incoming.request, std::move(body)))};
  }

  net::ClientRequest build(const ServiceModel& model, const OperationModel& operation, const Value& input,
                           const std::string& endpoint) const override {
    RestRequest rest = build_rest_request(model, operation, input);
    net::ClientRequest request;
    request.url = endpoint + rest.path + (rest.query.empty() ? "" : "?" + rest.query);
    request.headers = std::move(rest.headers);
    request.body = std::move(rest.body);
    return request;
  }

  Result<Value> read_answer(const ServiceModel& model, const OperationModel& operation,
                            net::ClientResponse& response) const override {
    return read_rest_output(model, operation, response.headers, std::move(response.body));
  }
};

class RestXmlProtocol final : public RestProtocol {
 public:
  void write(const ServiceModel& model, const OperationModel& operation, const Value& members,
             const std::string& request_id, net::Response& response) const override {
    response.headers.set("x-amz-request-id", request_id);
    response.headers.set("x-amz-id-2", request_id);
    write_rest_output(model, operation, members, response);
  }

  net::Response write_error(const Failure& failure) const override {
    net::Response response;
    response.status = failure.status;
    response.headers.set("Content-Type", "application/xml");
    response.headers.set("x-amz-request-id", failure.request_id);
    response.headers.set("x-amz-id-2", failure.request_id);
    if (failure.head_request) return response;
    std::string elements;
    for (const auto& [name, value] : failure.details)
      elements += fmt::format("<{0}>{1}</{0}>", name, escape_xml(value));
    response.body = fmt::format(
        "<?xml version=\"1.0\" "
        "encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{}<Resource>{}</Resource>"
        "<RequestId>{}</RequestId><HostId>{}</HostId></Error>",
        escape_xml(failure.code), escape_xml(failure.error.message), elements, escape_xml(failure.resource),
        failure.request_id, failure.request_id);
    return response;
  }

  ErrorText read_error(const net::ClientResponse& response) const override {
    return query_protocol().read_error(response);
  }
};

class RestJsonProtocol final : public RestProtocol {
 public:
  void write(const ServiceModel& model, const OperationModel& operation, const Value& members,
             const std::string& request_id, net::Response& response) const override {
    response.headers.set("x-amzn-RequestId", request_id);
    write_rest_output(model, operation, members, response);
  }

  net::Response write_error(const Failure& failure) const override {
    net::Response response;
    response.status = failure.status;
    response.headers.set("Content-Type", "application/json");
    response.headers.set("x-amzn-RequestId", failure.request_id);
    response.headers.set("x-amzn-ErrorType", failure.code);
    const std::string& message = failure.error.message;
    response.body = to_json(Value::object({{"message", message}, {"Message", message}}));
    return response;
  }

  ErrorText read_error(const net::ClientResponse& response) const override {
    const auto body = parse_json(response.body);
    if (!body) return {};
    std::string code(response.headers.get("x-amzn-errortype"));
    if (code.empty()) code = (*body)["__type"].string_or((*body)["code"].string_or());
    return {std::move(code), (*body)["message"].string_or((*body)["Message"].string_or())};
  }
};

}  // namespace

const WireProtocol& rest_xml_protocol() {
  static const RestXmlProtocol protocol;
  return protocol;
}

const WireProtocol& rest_json_protocol() {
  static const RestJsonProtocol protocol;
  return protocol;
}

}  // namespace millrace::aws
