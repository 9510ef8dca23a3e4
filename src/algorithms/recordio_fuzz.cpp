#include <cstddef>
#include <cstdint>
#include <string_view>

#include <span>

#include "algorithms/recordio.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)text;
  (void)millrace::algorithms::read_records(std::span(data, size));
  return 0;
}
