#include "s3/header_text.h"

#include <algorithm>
#include <optional>

#include "base/encode.h"
#include "base/strings.h"

namespace millrace::s3 {
namespace {

constexpr std::string_view kOpen = "=?", kClose = "?=";

std::string utf8_of_latin1(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

std::optional<std::string> decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      out += ' ';
    } else if (text[i] == '=') {
      auto byte = from_hex(to_lower(text.substr(i + 1, 2)));
      if (!byte || byte->size() != 1) return std::nullopt;
      out += *byte;
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// charset?encoding?text, without what encloses it.
std::optional<std::string> decode_word(std::string_view word) {
  const auto parts = split(word, '?');
  if (parts.size() != 3) return std::nullopt;
  std::optional<std::string> bytes;
  if (equals_ignore_case(parts[1], "B")) {
    if (auto decoded = from_base64(parts[2])) bytes = std::move(*decoded);
  } else if (equals_ignore_case(parts[1], "Q")) {
    bytes = decode_q(parts[2]);
  }
  if (!bytes) return std::nullopt;
  if (equals_ignore_case(parts[0], "ISO-8859-1")) return utf8_of_latin1(*bytes);
  const bool utf8 = equals_ignore_case(parts[0], "UTF-8") || equals_ignore_case(parts[0], "US-ASCII");
  return utf8 && is_valid_utf8(*bytes) ? bytes : std::nullopt;
}

}  // namespace

std::string encode_header_text(std::string_view text) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (std::ranges::all_of(text, plain)) return std::string(text);
  return "=?UTF-8?B?" + to_base64(is_valid_utf8(text) ? std::string(text) : utf8_of_latin1(text)) + "?=";
}

std::string decode_header_text(std::string_view text) {
  std::string out;
  bool after_word = false;
  while (!text.empty()) {
    const std::size_t open = text.find(kOpen);
    if (open == std::string_view::npos) break;
    // The text of the word may end in "=": its end is the one behind the third question mark.
    std::size_t at = open + kOpen.size();
    for (int i = 0; i < 2 && at != std::string_view::npos; ++i) {
      at = text.find('?', at);
      if (at != std::string_view::npos) ++at;
    }
    const std::size_t close = at == std::string_view::npos ? at : text.find(kClose, at);
    if (close == std::string_view::npos) break;
    const auto word = decode_word(text.substr(open + kOpen.size(), close - open - kOpen.size()));
    const std::string_view before = text.substr(0, open);
    // White space between two words is no text (RFC 2047, 6.2).
    if (!word || !after_word || !trim(before).empty()) out += before;
    out += word ? *word : std::string(text.substr(open, close + kClose.size() - open));
    after_word = word.has_value();
    text.remove_prefix(close + kClose.size());
  }
  return out + std::string(text);
}

}  // namespace millrace::s3
