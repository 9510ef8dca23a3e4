// Filter patterns of log events (the first line) on a message (the rest).

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "logs/pattern.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const auto pattern = millrace::logs::Pattern::parse(text.substr(0, line));
  if (pattern) (void)pattern->matches(line == std::string_view::npos ? std::string_view() : text.substr(line + 1));
  return 0;
}
