#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)millrace::parse_yaml_documents(text, {.max_bytes = 1u << 16, .max_nodes = 10'000});
  return 0;
}
