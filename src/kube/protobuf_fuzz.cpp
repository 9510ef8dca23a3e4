#include <cstddef>
#include <cstdint>
#include <string_view>

#include <string>

#include "kube/protobuf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)millrace::kube::from_protobuf(text);
  (void)millrace::kube::from_protobuf(std::string("k8s\0", 4).append(text));
  return 0;
}
