// A model's file, which whoever deploys it brings: it is read whole or refused.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sagemaker/algorithms/ndarray_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::sagemaker::built_in;
  const auto arrays = read_ndarrays({reinterpret_cast<const char*>(data), size});
  if (!arrays) return 0;
  const auto again = read_ndarrays(write_ndarrays(*arrays));
  if (!again || again->size() != arrays->size()) __builtin_trap();
  return 0;
}
