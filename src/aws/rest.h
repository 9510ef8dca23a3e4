#pragma once
// HTTP bindings of the REST protocols: where each member of an input or output stands (label, query, header, body).

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aws/model.h"
#include "base/result.h"
#include "base/value.h"
#include "net/http.h"

namespace millrace::aws {

// Finds the operation that a request asks for. The most particular one wins: constants of the query string, then
// required query parameters and headers. `path` is the raw path, with what the host name says of it
// in front.
struct RestMatch {
  const OperationModel* operation = nullptr;
  Value labels = Value::object();  // by member name, decoded
};
// nullopt with `refused` set: a sub-resource or an operation that is not served.
std::optional<RestMatch> match_rest(const ServiceModel& model, const net::Request& request, std::string_view path,
                                    std::string& refused);

// The member that is the body and is handed to the handler unread (S3's Body); nullptr: the body is buffered.
const Member* streaming_input(const OperationModel& operation);

Result<Value> read_rest_input(const ServiceModel& model, const OperationModel& operation, const Value& labels,
                              const net::Request& request, std::string body);

// Fills status, headers and body of `response` from the output's members; a body that is there already stays.
void write_rest_output(const ServiceModel& model, const OperationModel& operation, const Value& members,
                       net::Response& response);

// The client's side.
struct RestRequest {
  std::string path, query;
  net::Headers headers;
  std::string body;
};
RestRequest build_rest_request(const ServiceModel& model, const OperationModel& operation, const Value& input);
Result<Value> read_rest_output(const ServiceModel& model, const OperationModel& operation, const net::Headers& headers,
                               std::string body);

}  // namespace millrace::aws
