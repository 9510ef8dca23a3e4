#include "base/python_text.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"

namespace millrace {
namespace {

// One character of UTF-8 from `at` on, which is moved behind it; a byte that begins none is itself.
char32_t next_character(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
  char32_t character = more == 3 ? first & 0x07u : more == 2 ? first & 0x0fu : more == 1 ? first & 0x1fu : first;
  for (int i = 0; i < more && at < text.size(); ++i) {
    character = (character << 6) | (static_cast<unsigned char>(text[at++]) & 0x3fu);
  }
  return character;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_character(text, at);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\b') {
      out += "\\b";
    } else if (c == '\f') {
      out += "\\f";
    } else if (c >= 0x10000) {
      const auto rest = static_cast<unsigned>(c - 0x10000);
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800u + (rest >> 10), 0xdc00u + (rest & 0x3ffu));
    } else if (c < 0x20 || c >= 0x7f) {
      out += c == 0x7f ? std::string(1, '\x7f') : fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + '"';
}

// repr(text): in single quotes unless it has some and no double ones. What is beyond ASCII counts as printable.
std::string repr_text(std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string number_text(const Value& value) {
  if (value.is_integer()) return fmt::format("{}", value.as_int());
  const double number = value.as_double();
  std::string text = fmt::format("{}", number);
  const bool whole = text.find_first_of(".en") == std::string::npos;
  return whole ? text + ".0" : text;
}

// How one of Python's notations writes its scalars.
struct Notation {
  std::string_view none, yes, no;
  std::string (*text)(std::string_view);
  std::string_view comma = ", ", colon = ": ";
  bool is_sorted = false;
};
constexpr Notation kJson{"null", "true", "false", json_text};
constexpr Notation kSortedJson{"null", "true", "false", json_text, ",", ":", true};
constexpr Notation kRepr{"None", "True", "False", repr_text};

std::string write(const Value& value, const Notation& notation) {
  switch (value.kind()) {
    case Value::Kind::null:
      return std::string(notation.none);
    case Value::Kind::boolean:
      return std::string(value.as_bool() ? notation.yes : notation.no);
    case Value::Kind::integer:
    case Value::Kind::real:
      return number_text(value);
    case Value::Kind::string:
      return notation.text(value.as_string());
    case Value::Kind::array: {
      std::vector<std::string> items;
      for (const Value& item : value.as_array()) items.push_back(write(item, notation));
      return "[" + join(items, notation.comma) + "]";
    }
    case Value::Kind::object: {
      std::vector<std::pair<std::string_view, const Value*>> sorted;
      for (const auto& [name, item] : value.as_object()) sorted.emplace_back(name, &item);
      if (notation.is_sorted) std::ranges::sort(sorted, {}, [](const auto& member) { return member.first; });
      std::vector<std::string> members;
      for (const auto& [name, item] : sorted) {
        members.push_back(fmt::format("{}{}{}", notation.text(name), notation.colon, write(*item, notation)));
      }
      return "{" + join(members, notation.comma) + "}";
    }
  }
  return {};
}

}  // namespace

std::string python_json(const Value& value) { return write(value, kJson); }

std::string python_sorted_json(const Value& value) { return write(value, kSortedJson); }

std::string python_str(const Value& value) { return value.is_string() ? value.as_string() : write(value, kRepr); }

bool python_truth(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return false;
    case Value::Kind::boolean:
      return value.as_bool();
    case Value::Kind::integer:
    case Value::Kind::real:
      return value.as_double() != 0;
    case Value::Kind::string:
      return !value.as_string().empty();
    case Value::Kind::array:
    case Value::Kind::object:
      return !value.empty();
  }
  return false;
}

}  // namespace millrace
