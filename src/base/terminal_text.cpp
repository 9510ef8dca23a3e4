#include "base/terminal_text.h"

#include <algorithm>
#include <utility>

namespace millrace {
namespace {

constexpr char32_t kEscape = 0x1B, kBell = 0x07, kCancel = 0x18, kSubstitute = 0x1A, kDelete = 0x7F;
constexpr char32_t kFirstC1 = 0x80, kLastC1 = 0x9F, kReplacement = 0xFFFD;
constexpr std::string_view kReplacementText = "\xEF\xBF\xBD";

bool is_control(char32_t c) { return c < 0x20 || c == kDelete || (c >= kFirstC1 && c <= kLastC1); }

// UAX #9, table 4, and the two separators that some terminals take for newlines.
bool reorders(char32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
            static_cast<char>(0x80 | (c & 0x3F))};
  } else {
    out += {static_cast<char>(0xF0 | (c >> 18)), static_cast<char>(0x80 | ((c >> 12) & 0x3F)),
            static_cast<char>(0x80 | ((c >> 6) & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
  }
}

// The character that begins at `at`, and its length; length 0: its last bytes are yet to come. What is not UTF-8 is a
// replacement character of one byte.
struct Decoded {
  char32_t c = kReplacement;
  std::size_t length = 1;
};
Decoded decode(std::string_view bytes, std::size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xC2 && first < 0xE0   ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0) return {};
  char32_t c = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i == bytes.size()) return {kReplacement, 0};
    const auto next = static_cast<unsigned char>(bytes[at + i]);
    if ((next & 0xC0) != 0x80) return {};
    c = (c << 6) | (next & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
  if (c < kLeast[length] || c > 0x10FFFF || surrogate) return {};
  return {c, length};
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return byte >= 0x20 && byte < 0x7F; });
}

}  // namespace

bool TerminalText::begins_sequence(char32_t c) {
  switch (c) {
    case '[':
      state_ = State::csi;
      return true;
    case ']':  // OSC
    case 'P':  // DCS
    case 'X':  // SOS
    case '^':  // PM
    case '_':  // APC
      state_ = State::string;
      hidden_ = 0;
      return true;
    default:
      return false;
  }
}

void TerminalText::take_text(char32_t c, std::string& out) {
  state_ = State::text;
  if (c == '\r') {
    carriage_return_ = true;
  } else if (c == kEscape) {
    state_ = State::escape;
  } else if (c >= kFirstC1 && c <= kLastC1) {
    (void)begins_sequence(c - 0x40);
  } else if (c == '\n' || c == '\t' || (!is_control(c) && !reorders(c))) {
    if (std::exchange(carriage_return_, false) && c != '\n') out += '\n';
    append_utf8(out, c);
  }
}

void TerminalText::take(char32_t c, std::string& out) {
  const bool ends_all = c == kCancel || c == kSubstitute || c == '\n';
  switch (state_) {
    case State::text:
      return take_text(c, out);
    case State::escape:
      if (begins_sequence(c)) return;
      if (c >= 0x20 && c <= 0x2F) {
        state_ = State::intermediate;
        return;
      }
      if (c >= 0x30 && c <= 0x7E) {  // two characters
        state_ = State::text;
        return;
      }
      return take_text(c, out);
    case State::intermediate:
      if (c >= 0x20 && c <= 0x2F) return;
      if (c >= 0x30 && c <= 0x7E) {
        state_ = State::text;
        return;
      }
      return take_text(c, out);
    case State::csi:
      if (c >= 0x20 && c <= 0x3F) return;
      if (c >= 0x40 && c <= 0x7E) {
        state_ = State::text;
        return;
      }
      return take_text(c, out);
    case State::string_escape:
      if (c == '\\') {
        state_ = State::text;
        return;
      }
      state_ = State::escape;  // as terminals do: the string has ended, another sequence has begun
      return take(c, out);
    case State::string:
      if (c == kEscape) {
        state_ = State::string_escape;
      } else if (c == kBell || c == 0x9C) {
        state_ = State::text;
      } else if (ends_all) {
        take_text(c, out);
      } else if (++hidden_ > kMaxHidden) {
        take_text(c, out);
      }
      return;
  }
}

std::string TerminalText::add(std::string_view bytes) {
  std::string out, joined;
  if (!partial_.empty()) {
    joined = std::move(partial_);
    joined += bytes;
    bytes = joined;
    partial_.clear();
  }
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Decoded next = decode(bytes, at);
    if (next.length == 0) {
      partial_ = bytes.substr(at);
      break;
    }
    take(next.c, out);
    at += next.length;
  }
  return out;
}

std::string TerminalText::end() {
  std::string out;
  if (!partial_.empty() && state_ == State::text) out = kReplacementText;
  *this = {};
  return out;
}

std::string terminal_text(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  TerminalText whole;
  std::string out = whole.add(text);
  return out += whole.end();
}

std::string terminal_line(std::string_view text) {
  std::string line = terminal_text(text);
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

}  // namespace millrace
