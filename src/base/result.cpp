#include "base/result.h"

#include <array>

namespace millrace {

std::string_view code_name(Code code) {
  static constexpr std::array<std::string_view, 14> kNames = {
      "INVALID_ARGUMENT",    "NOT_FOUND",          "ALREADY_EXISTS", "PERMISSION_DENIED", "UNAUTHENTICATED",
      "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "ABORTED",        "CANCELLED",         "DEADLINE_EXCEEDED",
      "UNAVAILABLE",         "UNIMPLEMENTED",      "INTERNAL",       "DATA_LOSS"};
  return kNames[static_cast<std::size_t>(code)];
}

}  // namespace millrace
