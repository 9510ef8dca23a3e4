#pragma once
// AWS service models as data: the shapes and constraints of each operation, trimmed from the public service models
// by tools/trim_models.py into models/*.json and embedded. Loaded lazily, once per service.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/signing_scheme.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::aws {

enum class Protocol { json, rest_json, rest_xml, query };

struct Shape;
struct Member {
  std::string name;
  const Shape* shape = nullptr;
  std::string location;       // "", uri, querystring, header, headers, statusCode
  std::string location_name;  // wire name where it differs from `name`
  std::string timestamp_format;
  bool flattened = false, xml_attribute = false, streaming = false;
};
struct Shape {
  enum class Type { structure, list, map, string, integer, long_, float_, double_, boolean, timestamp, blob };
  std::string name;
  Type type = Type::string;
  std::vector<Member> members;           // structure
  std::vector<std::string> required;     // structure
  std::string payload;                   // structure: the member that is the whole body
  Member element;                        // list item, map value
  Member key;                            // map key
  std::vector<std::string> enumeration;  // string
  std::string pattern;                   // string; RE2 syntax, matched against the whole text
  std::optional<double> min, max;        // length of string/list/blob, value of numbers
  std::string timestamp_format;          // iso8601, rfc822, unixTimestamp; empty: the protocol's default
  bool document = false, sensitive = false, flattened = false, streaming = false;
  const Member* member(std::string_view member_name) const;
};
struct OperationModel {
  std::string name;
  std::string method = "POST";
  std::string request_uri = "/";  // "/{Bucket}/{Key+}?list-type=2"
  int response_code = 200;
  const Shape* input = nullptr;  // nullptr: none
  const Shape* output = nullptr;
  std::string output_wrapper;  // query: "CreateUserResult"
  std::string input_root;      // rest-xml: the element that a body without payload member is wrapped in
  std::string output_root;     // rest-xml: the element that the answer is wrapped in
  std::string text_output;     // rest-xml: the one member that is the text of the answer's root, which has its name
};
// What distinguishes a service from the others: enough to find the one that a request is for.
struct ServiceIdentity {
  std::string service;       // our name, which is that of its model: models/<service>.json
  std::string signing_name;  // credential scope; a control plane and its runtime share one
  std::string api_version;
  std::string target_prefix;  // json: "SageMaker", "Logs_20140328"
  std::string json_version;   // "1.1"
  std::string xml_namespace;
  std::string endpoint;  // AWS's own, for clients: "https://name.{region}.amazonaws.com"
  sigv4::Scheme signing = sigv4::Scheme::common;
  Protocol protocol = Protocol::json;
};
struct ServiceModel : ServiceIdentity {
  std::map<std::string, OperationModel, std::less<>> operations;
  std::vector<std::string> known_operations;  // of the real service, sorted: one that is not served is refused by name
  std::vector<std::string> sub_resources;     // bare query parameters that make a request another operation's
  std::map<std::string, std::unique_ptr<Shape>, std::less<>> shapes;
  const OperationModel* operation(std::string_view name) const;
};

// The embedded model, read at the first call for it; ends the process for an unknown service name (a broken invariant).
const ServiceModel& service_model(std::string_view service);
// Its first lines alone, without the shapes: a server that starts reads no more.
ServiceIdentity service_identity(std::string_view service);

// How a service names an input that does not fit its model, where it departs from the others of its protocol.
struct ValidationWords {
  std::string_view code = {};  // empty: the protocol's
  // What the texts of a pattern are made of, in a sentence; empty: the pattern itself is shown.
  std::string_view (*made_of)(std::string_view pattern) = nullptr;
};
// Checks required, type, length, range, pattern, enum in AWS's words ("1 validation error detected: Value '' at
// 'roleName' failed to satisfy constraint: Member must have length greater than or equal to 1").
// Error reason: ValidationException / ValidationError by protocol, or the service's own. Numbers and booleans given as
// text (query protocol) have been converted before.
Status validate(const ServiceModel& service, const Shape& shape, const Value& input, const ValidationWords& words = {});

}  // namespace millrace::aws
