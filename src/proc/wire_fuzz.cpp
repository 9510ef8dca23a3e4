// Frames between server and launcher, and the messages in them.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proc/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::proc;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)unpack_spec(bytes);
  (void)unpack_result(bytes);
  while (true) {
    const auto message = take_frame(bytes);
    if (!message || !*message) return 0;
    (void)unpack_spec((*message)->body);
    (void)unpack_result((*message)->body);
  }
}
