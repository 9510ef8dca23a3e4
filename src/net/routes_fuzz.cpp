// The path matcher. Input: a pattern, a line's end, a path.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/routes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::net;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string_view pattern = text.substr(0, line), path = text.substr(line + 1);
  PathParameters parameters;
  const bool strict = match_path(pattern, path, parameters);
  const bool loose = match_path(pattern, path, parameters, Colon::is_text);
  if (strict && !loose) std::abort();  // what begins no verb is text
  if (!loose) return 0;
  for (const auto& [name, value] : parameters) {
    if (value.empty() || value.size() > path.size()) std::abort();
  }
  return 0;
}
