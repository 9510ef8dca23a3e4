// AWS Query: the operation and its input as a form, the answer as XML.

#include <fmt/core.h>

#include "aws/codec.h"
#include "aws/protocol.h"
#include "base/encode.h"

namespace millrace::aws {
namespace {

class QueryProtocol final : public WireProtocol {
 public:
  Result<Asked> read(const Incoming& incoming) const override {
    Form form = net::parse_query(incoming.request.raw_query);
    for (auto& entry : net::parse_query(MR_TRY(incoming.body()))) form.push_back(std::move(entry));
    std::string name, version;
    for (const auto& [key, value] : form) {
      if (key == "Action") name = value;
      if (key == "Version") version = value;
    }
    if (name.empty())
      return fail(Code::invalid_argument, "The request must contain the parameter Action.", "MissingAction");
    const OperationModel* operation = incoming.model.operation(name);
    if (operation == nullptr || !incoming.served(name)) return fail(not_served(incoming.model, name));
    if (version != incoming.model.api_version) {
      return fail(Code::unimplemented,
                  fmt::format("Could not find operation {} for version {}", name,
                              version.empty() ? "NO_VERSION_SPECIFIED" : version),
                  common_code(Protocol::query, CommonError::unknown_operation));
    }
    return Asked{operation, operation->input != nullptr ? read_query(*operation->input, form) : Value::object()};
  }

  void write(const ServiceModel& model, const OperationModel& operation, const Value& members,
             const std::string& request_id, net::Response& response) const override {
    if (response.status == 0) response.status = 200;
    response.headers.set("Content-Type", "text/xml");
    response.headers.set("x-amzn-RequestId", request_id);
    std::string& out = response.body;
    out = fmt::format("<{}Response xmlns=\"{}\">\n", operation.name, model.xml_namespace);
    if (operation.output != nullptr) {
      const std::string wrapper =
          operation.output_wrapper.empty() ? operation.name + "Result" : operation.output_wrapper;
      out += fmt::format("<{}>", wrapper);
      write_xml_members(out, *operation.output, members);
      out += fmt::format("</{}>\n", wrapper);
    }
    out += fmt::format("<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\n</{}Response>\n", request_id,
                       operation.name);
  }

  net::Response write_error(const Failure& failure) const override {
    net::Response response;
    response.status = failure.status;
    response.headers.set("Content-Type", "text/xml");
    response.headers.set("x-amzn-RequestId", failure.request_id);
    response.body = fmt::format(
        "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{}</Type>\n    <Code>{}</Code>\n    "
        "<Message>{}</Message>\n  </Error>\n"
        "  <RequestId>{}</RequestId>\n</ErrorResponse>\n",
        failure.xml_namespace, failure.status >= 500 ? "Receiver" : "Sender", escape_xml(failure.code),
        escape_xml(failure.error.message), failure.request_id);
    return response;
  }

  net::ClientRequest build(const ServiceModel& model, const OperationModel& operation, const Value& input,
                           const std::string& endpoint) const override {
    net::ClientRequest request;
    request.url = endpoint + "/";
    request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    Form form = {{"Action", operation.name}, {"Version", model.api_version}};
    if (operation.input != nullptr) write_query(form, *operation.input, input, "");
    for (const auto& [name, value] : form) {
      request.body +=
          fmt::format("{}{}={}", request.body.empty() ? "" : "&", percent_encode(name), percent_encode(value));
    }
    return request;
  }

  Result<Value> read_answer(const ServiceModel&, const OperationModel& operation,
                            net::ClientResponse& response) const override {
    if (operation.output == nullptr) return Value::object();
    return read_xml_result(*operation.output, response.body, operation.output_wrapper);
  }

  ErrorText read_error(const net::ClientResponse& response) const override {
    auto [code, message] = read_xml_error(response.body);
    return {std::move(code), std::move(message)};
  }
};

}  // namespace

const WireProtocol& query_protocol() {
  static const QueryProtocol protocol;
  return protocol;
}

}  // namespace millrace::aws
