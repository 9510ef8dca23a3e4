#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // What was read can be written, and read again to the same.
  if (const auto value = millrace::parse_json(text)) {
    const auto again = millrace::parse_json(millrace::to_json(*value));
    if (!again || !(*again == *value)) __builtin_trap();
  }
  return 0;
}
