#include "aws/protocol.h"

#include <algorithm>

#include <fmt/core.h>

namespace millrace::aws {

const WireProtocol& wire_protocol(Protocol protocol) {
  switch (protocol) {
    case Protocol::json:
      return json_protocol();
    case Protocol::query:
      return query_protocol();
    case Protocol::rest_xml:
      return rest_xml_protocol();
    case Protocol::rest_json:
      return rest_json_protocol();
  }
  return json_protocol();
}

Error not_served(const ServiceModel& model, std::string_view operation) {
  const bool real = std::binary_search(model.known_operations.begin(), model.known_operations.end(), operation);
  return {Code::unimplemented,
          real ? fmt::format("{} of {} is not served by Millrace yet.", operation, model.service)
               : fmt::format("Could not find operation {} for version {}", operation, model.api_version),
          common_code(model.protocol, CommonError::unknown_operation)};
}

}  // namespace millrace::aws
