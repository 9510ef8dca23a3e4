#include <cstddef>
#include <cstdint>
#include <string_view>

#include "algorithms/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)millrace::algorithms::read_csv(text);
  return 0;
}
