#pragma once
// The wire protocols of AWS's services: how a request names its operation and carries its input, how output and errors
// are written, and the same from the client's side. One object each, without state.
// Source: AWS SDK protocol definitions "AWS JSON 1.1", "AWS Query", "REST XML", "REST JSON".

#include <functional>
#include <string>
#include <string_view>

#include "aws/errors.h"
#include "aws/model.h"
#include "base/result.h"
#include "base/value.h"
#include "net/client.h"
#include "net/http.h"

namespace millrace::aws {

// A request whose caller is known.
struct Incoming {
  const net::Request& request;
  std::string path;  // raw, with what the host name says of it in front
  const ServiceModel& model;
  std::function<bool(std::string_view operation)> served;
  // All of the body. Not called for an operation that reads its body itself (streaming_input).
  std::function<Result<std::string_view>()> body;
};
struct Asked {
  const OperationModel* operation = nullptr;  // served
  Value input;
};

// An error and what its answer says besides.
struct Failure {
  const Error& error;
  std::string code;  // AWS's
  int status = 500;
  const std::string& request_id;
  const std::string& resource;
  std::string_view xml_namespace;
  bool head_request = false;  // answered without a body
  const ErrorDetails& details;
};

class WireProtocol {
 public:
  virtual ~WireProtocol() = default;
  // Errors: the protocol's code for an unknown operation, SerializationException and the like; those of Incoming::body.
  virtual Result<Asked> read(const Incoming& incoming) const = 0;
  // Completes `response`, whose status is 0 unless the handler chose it. A body that is there stays.
  virtual void write(const ServiceModel& model, const OperationModel& operation, const Value& members,
                     const std::string& request_id, net::Response& response) const = 0;
  virtual net::Response write_error(const Failure& failure) const = 0;

  // The client's side. `endpoint`: "https://host", without a path.
  virtual net::ClientRequest build(const ServiceModel& model, const OperationModel& operation, const Value& input,
                                   const std::string& endpoint) const = 0;
  virtual Result<Value> read_answer(const ServiceModel& model, const OperationModel& operation,
                                    net::ClientResponse& response) const = 0;
  struct ErrorText {
    std::string code, message;
  };
  virtual ErrorText read_error(const net::ClientResponse& response) const = 0;
};

const WireProtocol& json_protocol();
const WireProtocol& query_protocol();
const WireProtocol& rest_xml_protocol();
const WireProtocol& rest_json_protocol();
const WireProtocol& wire_protocol(Protocol protocol);

// The refusal of an operation that is known and not served, or not known at all.
Error not_served(const ServiceModel& model, std::string_view operation);

}  // namespace millrace::aws
