#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/core.h>
#include <simdjson.h>

#include "base/json_locate.h"
#include "base/strings.h"

namespace millrace {
namespace {

Result<Value> convert(simdjson::dom::element element, const JsonLimits& limits, std::size_t depth) {
  if (depth > limits.max_depth) {
    return fail(Code::invalid_argument, fmt::format("JSON: nested deeper than {} levels", limits.max_depth));
  }
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::NULL_VALUE:
      return Value();
    case element_type::BOOL:
      return Value(bool(element));
    case element_type::INT64:
      return Value(std::int64_t(element));
    case element_type::UINT64:
      return Value(static_cast<double>(std::uint64_t(element)));
    case element_type::DOUBLE:
      return Value(double(element));
    case element_type::STRING:
      return Value(std::string_view(element));
    case element_type::ARRAY: {
      Value::Array items;
      for (const auto item : simdjson::dom::array(element)) items.push_back(MR_TRY(convert(item, limits, depth + 1)));
      return Value(std::move(items));
    }
    case element_type::OBJECT: {
      Value::Object members;
      const simdjson::dom::object object(element);
      members.reserve(object.size());
      for (const auto field : object) {
        members.emplace_back(std::string(field.key), MR_TRY(convert(field.value, limits, depth + 1)));
      }
      // Duplicate keys: the last one wins, in the place of the first, unless they are refused.
      if (members.size() > 1) {
        std::vector<std::size_t> order(members.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
          return members[a].first != members[b].first ? members[a].first < members[b].first : a < b;
        });
        std::vector<bool> dropped(members.size(), false);
        bool any = false;
        for (std::size_t i = 1, first = order[0]; i < order.size(); ++i) {
          if (members[order[i]].first != members[first].first) {
            first = order[i];
            continue;
          }
          if (limits.refuse_duplicate_keys) {
            return fail(Code::invalid_argument, fmt::format("JSON: the key \"{}\" stands twice", members[first].first));
          }
          members[first].second = std::move(members[order[i]].second);
          dropped[order[i]] = any = true;
        }
        if (any) {
          Value::Object kept;
          for (std::size_t i = 0; i < members.size(); ++i) {
            if (!dropped[i]) kept.push_back(std::move(members[i]));
          }
          members = std::move(kept);
        }
      }
      return Value::object(std::move(members));
    }
  }
  return fail(Code::internal, "JSON: unknown element");
}

void append_pretty(std::string& out, const Value& value, int indent, int level) {
  const auto new_line = [&](int to) {
    out += '\n';
    out.append(static_cast<std::size_t>(to) * static_cast<std::size_t>(indent), ' ');
  };
  if (value.is_array() && !value.empty()) {
    out += '[';
    bool first = true;
    for (const Value& item : value.items()) {
      if (!first) out += ',';
      first = false;
      new_line(level + 1);
      append_pretty(out, item, indent, level + 1);
    }
    new_line(level);
    out += ']';
  } else if (value.is_object() && !value.empty()) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.members()) {
      if (!first) out += ',';
      first = false;
      new_line(level + 1);
      append_json_string(out, key);
      out += ": ";
      append_pretty(out, member, indent, level + 1);
    }
    new_line(level);
    out += '}';
  } else {
    append_json(out, value);
  }
}

Result<Value> parse_document(std::string_view text, const JsonLimits& limits) {
  // A parser keeps its buffers; small documents, which are nearly all, reuse one a thread.
  constexpr std::size_t kKept = 1u << 20, kLeastCapacity = 4096;
  thread_local simdjson::dom::parser kept;
  simdjson::dom::parser own;
  simdjson::dom::parser& parser = text.size() <= kKept ? kept : own;
  simdjson::dom::element root;
  // Kept as they are where they suffice: to allocate anew costs more than to read a small document.
  const std::size_t depth = limits.max_depth + 1;
  if (parser.capacity() < text.size() || parser.max_depth() != depth) {
    const std::size_t capacity = std::max({parser.capacity(), text.size(), kLeastCapacity});
    if (parser.allocate(capacity, depth) != simdjson::SUCCESS) {
      return fail(Code::resource_exhausted, "JSON: no memory for the document");
    }
  }
  const auto error = parser.parse(text.data(), text.size()).get(root);
  if (error == simdjson::MEMALLOC) return fail(Code::resource_exhausted, "JSON: no memory for the document");
  if (error) {
    const JsonScan scan = scan_json(text, limits.max_depth);
    if (scan.fault) {
      return fail(Code::invalid_argument, fmt::format("JSON: {} at byte {}", scan.fault->what, scan.fault->at));
    }
    if (!scan.large_integer_ends.empty()) {
      // Read as doubles, as JavaScript does: "100000000000000000000.0" is within what the parser knows.
      std::string widened;
      std::size_t done = 0;
      for (const std::size_t end : scan.large_integer_ends) {
        widened.append(text.substr(done, end - done)).append(".0");
        done = end;
      }
      return parse_document(widened.append(text.substr(done)), limits);
    }
    return fail(Code::invalid_argument, fmt::format("JSON: {}", simdjson::error_message(error)));
  }
  return convert(root, limits, 0);
}

}  // namespace

Result<Value> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(Code::invalid_argument, fmt::format("JSON: larger than {} bytes", limits.max_bytes));
  }
  return parse_document(text, limits);
}

std::string format_number(double number) {
  if (!std::isfinite(number)) return "null";  // JSON has no other word for it
  char text[400];
  if (std::nearbyint(number) == number && std::fabs(number) < 1e21) {
    if (number == 0) return "0";
    const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed).ptr;
    return std::string(text, end);
  }
  const double size = std::fabs(number);
  const auto format = size >= 1e-7 && size < 1e21 ? std::chars_format::fixed : std::chars_format::scientific;
  const auto end = std::to_chars(text, text + sizeof text, number, format).ptr;
  return std::string(text, end);
}

namespace {

void append_number(std::string& out, std::int64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// Nothing but ASCII that stands in a JSON string as it is, as most texts are. Looks at all of it, so that the compiler
// can look at many bytes at once.
bool is_plain(std::string_view text) {
  unsigned other = 0;
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    other |= static_cast<unsigned>(c < 0x20) | static_cast<unsigned>(c >= 0x80) | static_cast<unsigned>(c == '"') |
             static_cast<unsigned>(c == '\\');
  }
  return other == 0;
}

// The text with every byte that is not UTF-8 replaced: a log line may hold anything, and one bad byte would make the
// whole answer unreadable.
std::string with_replacements(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    const std::size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (is_valid_utf8(text.substr(0, length))) {
      out += text.substr(0, length);
      text.remove_prefix(std::min(length, text.size()));
    } else {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  if (is_plain(text)) {
    out.append(1, '"').append(text).append(1, '"');
    return;
  }
  std::string repaired;
  if (!simdjson::validate_utf8(text.data(), text.size())) text = repaired = with_replacements(text);
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    out += '\\';
    switch (c) {
      case '"':
        out += '"';
        break;
      case '\\':
        out += '\\';
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      case '\b':
        out += 'b';
        break;
      case '\f':
        out += 'f';
        break;
      default:
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text.substr(plain));
  out += '"';
}

void append_json(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      out += "null";
      break;
    case Value::Kind::boolean:
      out += value.as_bool() ? "true" : "false";
      break;
    case Value::Kind::integer:
      append_number(out, value.as_int());
      break;
    case Value::Kind::real:
      out += format_number(value.as_double());
      break;
    case Value::Kind::string:
      append_json_string(out, value.as_string());
      break;
    case Value::Kind::array: {
      out += '[';
      bool first = true;
      for (const Value& item : value.items()) {
        if (!first) out += ',';
        first = false;
        append_json(out, item);
      }
      out += ']';
      break;
    }
    case Value::Kind::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, member] : value.members()) {
        if (!first) out += ',';
        first = false;
        append_json_string(out, key);
        out += ':';
        append_json(out, member);
      }
      out += '}';
      break;
    }
  }
}

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string to_json_pretty(const Value& value, int indent) {
  std::string out;
  append_pretty(out, value, indent, 0);
  return out;
}

}  // namespace millrace
