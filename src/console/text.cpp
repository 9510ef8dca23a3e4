#include "console/text.h"

#include <algorithm>
#include <cstdint>

#include "base/strings.h"

namespace millrace::console {
namespace {

constexpr std::size_t kLongestCharacter = 4;

// Bytes that a character with this first byte has; 0: no character starts so.
std::size_t announced_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::size_t whole_characters(std::string_view bytes) {
  const std::size_t earliest = bytes.size() > kLongestCharacter ? bytes.size() - kLongestCharacter : 0;
  for (std::size_t i = bytes.size(); i > earliest; --i) {
    const char byte = bytes[i - 1];
    if (continues(byte)) continue;
    const std::size_t announced = announced_length(static_cast<unsigned char>(byte));
    return announced > bytes.size() - (i - 1) ? i - 1 : bytes.size();
  }
  return bytes.size();
}

std::string as_utf8(std::string_view bytes) {
  if (is_valid_utf8(bytes)) return std::string(bytes);
  std::string out;
  out.reserve(bytes.size() + 16);
  std::size_t i = 0;
  while (i < bytes.size()) {
    const std::size_t length = announced_length(static_cast<unsigned char>(bytes[i]));
    if (length != 0 && is_valid_utf8(bytes.substr(i, length)) && i + length <= bytes.size()) {
      out += bytes.substr(i, length);
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      i += 1;
    }
  }
  return out;
}

}  // namespace millrace::console
