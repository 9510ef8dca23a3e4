#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/yaml.h"
#include "pipelines/v1/workflow.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = millrace::parse_yaml(std::string_view(reinterpret_cast<const char*>(data), size));
  if (document) (void)millrace::pipelines::v1::translate(*document);
  return 0;
}
