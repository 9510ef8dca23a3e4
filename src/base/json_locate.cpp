#include "base/json_locate.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/strings.h"

namespace millrace {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  std::vector<std::size_t> large_integer_ends;

  std::optional<JsonFault> scan() {
    skip_space();
    if (at_ == text_.size()) return fault("there is no value");
    // `open_` holds one mark for each container that is open: the text so far decides what may come next.
    bool expect_value = true, may_close = false;
    while (true) {
      skip_space();
      if (expect_value) {
        if (!open_.empty() && open_.back() == '{') {
          if (may_close && peek() == '}') {
            ++at_;
            open_.pop_back();
            expect_value = may_close = false;
            if (open_.empty()) return end();
            continue;
          }
          if (peek() != '"') return fault("a key in quotes is expected");
          if (auto bad = string()) return bad;
          skip_space();
          if (peek() != ':') return fault("':' is expected");
          ++at_;
          skip_space();
        } else if (may_close && !open_.empty() && peek() == ']') {
          ++at_;
          open_.pop_back();
          expect_value = may_close = false;
          if (open_.empty()) return end();
          continue;
        }
        may_close = false;
        const char c = peek();
        if (c == '{' || c == '[') {
          if (open_.size() >= max_depth_) return fault("nested too deep");
          open_.push_back(c);
          ++at_;
          may_close = true;
          continue;
        }
        if (auto bad = scalar()) return bad;
        expect_value = false;
        if (open_.empty()) return end();
        continue;
      }
      const char c = peek();
      const bool in_object = open_.back() == '{';
      if (c == ',') {
        ++at_;
        expect_value = true;
        continue;
      }
      if (c != (in_object ? '}' : ']')) {
        return fault(in_object ? "',' or '}' is expected" : "',' or ']' is expected");
      }
      ++at_;
      open_.pop_back();
      if (open_.empty()) return end();
    }
  }

 private:
  std::optional<JsonFault> fault(std::string_view what) const { return JsonFault{at_, what}; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }

  std::optional<JsonFault> end() {
    skip_space();
    if (at_ < text_.size()) return fault("more text after the value");
    return std::nullopt;
  }

  std::optional<JsonFault> scalar() {
    const char c = peek();
    if (c == '"') return string();
    if (c == '-' || is_digit(c)) return number();
    for (const std::string_view word : {"true", "false", "null"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return std::nullopt;
      }
    }
    return fault("a value is expected");
  }

  std::optional<JsonFault> number() {
    const std::size_t start = at_;
    bool integral = true;
    if (peek() == '-') ++at_;
    if (!is_digit(peek())) return fault("a digit is expected");
    if (peek() == '0' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1])) return fault("a number with a leading 0");
    while (is_digit(peek())) ++at_;
    if (peek() == '.') {
      integral = false;
      ++at_;
      if (!is_digit(peek())) return fault("a digit is expected");
      while (is_digit(peek())) ++at_;
    }
    if (peek() == 'e' || peek() == 'E') {
      integral = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!is_digit(peek())) return fault("a digit is expected");
      while (is_digit(peek())) ++at_;
    }
    const char* first = text_.data() + start;
    const char* last = text_.data() + at_;
    if (integral) {
      std::int64_t small = 0;
      std::uint64_t large = 0;
      if (std::from_chars(first, last, small).ec == std::errc() ||
          std::from_chars(first, last, large).ec == std::errc())
        return std::nullopt;
    }
    // Too small is 0; too large is refused. strtod tells them apart, from_chars of this library does not.
    if (std::isinf(std::strtod(std::string(first, last).c_str(), nullptr))) {
      at_ = start;
      return fault("a number that is too large");
    }
    if (integral) large_integer_ends.push_back(at_);
    return std::nullopt;
  }

  std::optional<std::uint32_t> hex4(std::size_t at) const {
    std::uint32_t value = 0;
    if (at + 4 > text_.size()) return std::nullopt;
    const auto result = std::from_chars(text_.data() + at, text_.data() + at + 4, value, 16);
    return result.ptr == text_.data() + at + 4 ? std::optional(value) : std::nullopt;
  }

  std::optional<JsonFault> string() {
    const std::size_t start = at_++;
    while (at_ < text_.size()) {
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return std::nullopt;
      }
      if (c < 0x20) return fault("a control character in a string");
      if (c >= 0x80) {
        const std::size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        if (!is_valid_utf8(text_.substr(at_, length))) return fault("a byte that is not UTF-8");
        at_ += length;
      } else if (c != '\\') {
        ++at_;
      } else if (const char escaped = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0'; escaped == 'u') {
        const auto unit = hex4(at_ + 2);
        if (!unit) return fault("\\u without four hex digits");
        if (*unit >= 0xdc00 && *unit <= 0xdfff) return fault("half a surrogate pair");
        if (*unit >= 0xd800 && *unit <= 0xdbff) {
          const auto low = text_.substr(at_ + 6, 2) == "\\u" ? hex4(at_ + 8) : std::nullopt;
          if (!low || *low < 0xdc00 || *low > 0xdfff) return fault("half a surrogate pair");
          at_ += 6;
        }
        at_ += 6;
      } else if (escaped != '\0' && std::string_view("\"\\/bfnrt").find(escaped) != std::string_view::npos) {
        at_ += 2;
      } else {
        return fault("an escape that JSON does not have");
      }
    }
    at_ = start;
    return fault("a string that does not end");
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::vector<char> open_;
};

}  // namespace

JsonScan scan_json(std::string_view text, std::size_t max_depth) {
  Scanner scanner(text, max_depth);
  JsonScan result;
  result.fault = scanner.scan();
  result.large_integer_ends = std::move(scanner.large_integer_ends);
  return result;
}

}  // namespace millrace
