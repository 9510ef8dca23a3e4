#include "pipelines/executors/quoted.h"

#include <algorithm>

#include "base/strings.h"

namespace millrace::pipelines::executors {
namespace {

// Of the character that begins with `lead`; 0: none does.
std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < ' ' || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;  // U+0080 to U+009F
}

}  // namespace

std::string quoted(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = length_of(static_cast<unsigned char>(text[at]));
    const std::string_view character = text.substr(at, std::max<std::size_t>(length, 1));
    const bool whole = length != 0 && character.size() == length && is_valid_utf8(character);
    const std::string_view shown = !whole ? "?" : is_control(character) ? " " : character;
    if (out.size() + shown.size() > max_bytes) break;
    out += shown;
    at += whole ? length : 1;
  }
  return out;
}

}  // namespace millrace::pipelines::executors
