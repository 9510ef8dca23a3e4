#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pipelines/api/package_file.h"

// The first byte chooses: a form, or a file of one of the kinds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::pipelines::api;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    (void)read_form("multipart/form-data; boundary=b", text);
  } else {
    (void)unpack({data[0] % 3 == 0 ? "p.zip" : "p.yaml", std::string(text)});
  }
  return 0;
}
