#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipelines/spec/pipeline_spec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto package = millrace::pipelines::read_package(text);
  if (package) (void)millrace::pipelines::parse_pipeline_spec(package->spec, package->platform);
  return 0;
}
