#include "base/yaml.h"

#include <yaml.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"

namespace millrace {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

bool is_decimal_integer(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool looks_like_a_float(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_of("0123456789") != std::string_view::npos &&
         text.find_first_not_of("0123456789.eE+-") == std::string_view::npos && text[0] != 'e' && text[0] != 'E';
}

// A plain scalar's value by the core schema.
Value plain_scalar(std::string_view text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return Value();
  if (is_one_of(text, {"true", "True", "TRUE"})) return Value(true);
  if (is_one_of(text, {"false", "False", "FALSE"})) return Value(false);
  if (is_decimal_integer(text)) {
    if (const auto integer = parse_int(text)) return Value(*integer);
    if (const auto number = parse_double(text)) return Value(*number);
  }
  if (text.starts_with("0x") && text.size() > 2 && text.size() <= 17 &&
      text.substr(2).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos) {
    return Value(static_cast<std::int64_t>(std::stoull(std::string(text.substr(2)), nullptr, 16)));
  }
  if (looks_like_a_float(text)) {
    if (const auto number = parse_double(text)) return Value(*number);
  }
  return Value(text);
}

std::string where(const yaml_mark_t& mark) { return fmt::format("line {}, column {}", mark.line + 1, mark.column + 1); }

class Reader {
 public:
  Reader(std::string_view text, const YamlLimits& limits) : text_(text), limits_(limits) {
    ok_ = yaml_parser_initialize(&parser_) == 1;
    if (ok_) yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() {
    if (have_event_) yaml_event_delete(&event_);
    if (ok_) yaml_parser_delete(&parser_);
  }

  Result<std::vector<Value>> documents() {
    if (!ok_) return fail(Code::resource_exhausted, "YAML: no memory for the parser");
    std::vector<Value> documents;
    while (true) {
      MR_TRY(next());
      if (event_.type == YAML_STREAM_END_EVENT) return documents;
      if (event_.type != YAML_DOCUMENT_START_EVENT) continue;
      anchors_.clear();
      MR_TRY(next());
      Value document = MR_TRY(node(0));
      if (!document.is_null()) documents.push_back(std::move(document));
      if (documents.size() > limits_.max_documents) return refuse("more documents than the limit");
      MR_TRY(next());  // document end
    }
  }

 private:
  tl::unexpected<Error> refuse(std::string_view what) {
    return fail(Code::invalid_argument, fmt::format("{}: {}", where(event_.start_mark), what));
  }

  Status next() {
    if (have_event_) yaml_event_delete(&event_);
    have_event_ = false;
    if (yaml_parser_parse(&parser_, &event_) == 1) {
      have_event_ = true;
      return {};
    }
    const char* problem = parser_.problem != nullptr ? parser_.problem : "cannot be read";
    // A reader error (a byte that is not UTF-8) comes with an offset only.
    const yaml_mark_t mark =
        parser_.error == YAML_READER_ERROR ? mark_of(parser_.problem_offset) : parser_.problem_mark;
    return fail(Code::invalid_argument, fmt::format("{}: {}", where(mark), problem));
  }

  yaml_mark_t mark_of(std::size_t offset) const {
    yaml_mark_t mark{offset, 0, 0};
    for (const char c : text_.substr(0, offset)) {
      mark.column = c == '\n' ? 0 : mark.column + 1;
      mark.line += c == '\n';
    }
    return mark;
  }

  Status count(std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > limits_.max_nodes)
      return refuse(fmt::format("more than {} nodes once aliases are expanded", limits_.max_nodes));
    return {};
  }

  struct Extent {
    std::size_t nodes = 1, height = 0;  // height: levels beneath the value
  };
  struct Anchored {
    Value value;
    Extent extent;
  };

  static Extent extent_of(const Value& value) {
    Extent extent;
    const auto add = [&extent](const Extent& child) {
      extent.nodes += child.nodes;
      extent.height = std::max(extent.height, child.height + 1);
    };
    for (const Value& item : value.items()) add(extent_of(item));
    for (const auto& member : value.members()) add(extent_of(member.second));
    extent.nodes += value.members().size();
    return extent;
  }

  tl::unexpected<Error> refuse_depth() {
    return refuse(fmt::format("nested deeper than {} levels", limits_.max_depth));
  }

  Result<Value> scalar() {
    const std::string_view text(reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length);
    const auto* tag = reinterpret_cast<const char*>(event_.data.scalar.tag);
    if (tag != nullptr && *tag != '\0' && std::string_view(tag) != "!") {
      const std::string_view name(tag);
      if (name == YAML_STR_TAG) return Value(text);
      if (name == YAML_INT_TAG || name == YAML_FLOAT_TAG || name == YAML_BOOL_TAG || name == YAML_NULL_TAG)
        return plain_scalar(text);
      return refuse(fmt::format("the tag {} is not known", name));
    }
    if (event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event_.data.scalar.plain_implicit)
      return plain_scalar(text);
    return Value(text);
  }

  // The node that the present event starts; the present event is its last when this returns.
  Result<Value> node(std::size_t depth) {
    if (depth > limits_.max_depth) return refuse_depth();
    MR_TRY(count(1));
    const auto line = static_cast<std::uint32_t>(event_.start_mark.line + 1);
    const auto column = static_cast<std::uint32_t>(event_.start_mark.column + 1);
    Value value;
    std::string anchor;
    const auto anchor_of = [&](const yaml_char_t* name) {
      if (name != nullptr) anchor = reinterpret_cast<const char*>(name);
    };
    switch (event_.type) {
      case YAML_ALIAS_EVENT: {
        const std::string name(reinterpret_cast<const char*>(event_.data.alias.anchor));
        const auto found = anchors_.find(name);
        if (found == anchors_.end()) return refuse(fmt::format("the alias *{} has no anchor before it", name));
        MR_TRY(count(found->second.extent.nodes));
        // Without this, each alias would add its own levels to those around it.
        if (depth + found->second.extent.height > limits_.max_depth) return refuse_depth();
        return found->second.value;
      }
      case YAML_SCALAR_EVENT:
        anchor_of(event_.data.scalar.anchor);
        value = MR_TRY(scalar());
        break;
      case YAML_SEQUENCE_START_EVENT: {
        anchor_of(event_.data.sequence_start.anchor);
        value = Value::array();
        while (true) {
          MR_TRY(next());
          if (event_.type == YAML_SEQUENCE_END_EVENT) break;
          value.as_array().push_back(MR_TRY(node(depth + 1)));
        }
        break;
      }
      case YAML_MAPPING_START_EVENT: {
        anchor_of(event_.data.mapping_start.anchor);
        value = Value::object();
        std::set<std::string, std::less<>> keys;
        while (true) {
          MR_TRY(next());
          if (event_.type == YAML_MAPPING_END_EVENT) break;
          if (event_.type != YAML_SCALAR_EVENT) return refuse("a key that is not a plain word");
          std::string key(reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length);
          if (key == "<<" && event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
            return refuse("merge keys (<<) are not supported");
          if (!keys.insert(key).second) return refuse(fmt::format("the key \"{}\" stands twice", key));
          MR_TRY(next());
          Value member = MR_TRY(node(depth + 1));
          value.as_object().emplace_back(std::move(key), std::move(member));
        }
        break;
      }
      default:
        return refuse("unexpected end");
    }
    value.line = line;
    value.column = column;
    if (!anchor.empty()) anchors_[anchor] = {value, extent_of(value)};
    return value;
  }

  std::string_view text_;
  const YamlLimits& limits_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool ok_ = false, have_event_ = false;
  std::size_t nodes_ = 0;
  std::map<std::string, Anchored, std::less<>> anchors_;
};

// Dates, sexagesimals, octals, infinities: what some reader, if not ours, takes for something else than a string.
bool may_be_mistyped(std::string_view text) {
  // Words of YAML 1.1 that older readers take for booleans.
  if (is_one_of(to_lower(text), {"yes", "no", "on", "off", "y", "n"})) return true;
  return text.find_first_of("0123456789+.") == 0 &&
         text.find_first_not_of("0123456789abcdefABCDEFxXoO_+-.:TtZz iInN") == std::string_view::npos;
}

// Unicode that YAML does not take as it stands (1.2, 5.1), or folds as a line break.
bool needs_escape(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x2028 || point == 0x2029 || point == 0xfeff ||
         point == 0xfffe || point == 0xffff;
}

// Calls `take(point, bytes)` for each character of valid UTF-8.
template <class Take>
void each_character(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    const std::size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    std::uint32_t point = length == 1 ? c : c & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
    take(point, text.substr(0, length));
    text.remove_prefix(length);
  }
}

// A string that stands as it is: no reader takes it for anything else, and no mark of the syntax is in it.
bool is_plain(std::string_view text) {
  if (text.empty() || !plain_scalar(text).is_string() || trim(text).size() != text.size()) return false;
  if (text.find_first_of("-?:,[]{}#&*!|>'\"%@`=<~") == 0 || may_be_mistyped(text) || !is_valid_utf8(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':' && (i + 1 == text.size() || text[i + 1] == ' ')) return false;
    if (text[i] == '#' && text[i - 1] == ' ') return false;
  }
  bool plain = true;
  each_character(text, [&](std::uint32_t point, std::string_view) { plain = plain && !needs_escape(point); });
  return plain;
}

void append_string(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += text;
    return;
  }
  // A JSON string is a YAML double-quoted one but for the characters that YAML wants escaped.
  std::string quoted;
  append_json_string(quoted, text);
  each_character(quoted, [&](std::uint32_t point, std::string_view bytes) {
    if (needs_escape(point))
      out += fmt::format("\\u{:04x}", point);
    else
      out += bytes;
  });
}

// libyaml and its kin read a key of more than 1024 characters only in this longer form.
constexpr std::size_t kLongKey = 512;

void append_yaml(std::string& out, const Value& value, std::size_t indent, bool in_sequence) {
  const std::string pad(indent, ' ');
  bool first = true;
  const auto line_start = [&] {
    if (!(first && in_sequence)) out += pad;
    first = false;
  };
  const auto append_child = [&](const Value& child, std::size_t child_indent) {
    if ((child.is_object() || child.is_array()) && !child.empty()) {
      out += '\n';
      append_yaml(out, child, child_indent, false);
    } else {
      out += ' ';
      if (child.is_string())
        append_string(out, child.as_string());
      else
        append_json(out, child);
      out += '\n';
    }
  };
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.members()) {
      line_start();
      if (key.size() > kLongKey) out += "? ";
      append_string(out, key);
      if (key.size() > kLongKey) out += '\n' + pad;
      out += ':';
      append_child(member, member.is_array() ? indent : indent + 2);
    }
  } else if (value.is_array() && !value.empty()) {
    for (const Value& item : value.items()) {
      line_start();
      out += '-';
      if ((item.is_object() || item.is_array()) && !item.empty()) {
        out += ' ';
        append_yaml(out, item, indent + 2, true);
      } else {
        append_child(item, indent + 2);
      }
    }
  } else {
    if (value.is_string())
      append_string(out, value.as_string());
    else
      append_json(out, value);
    out += '\n';
  }
}

}  // namespace

Result<std::vector<Value>> parse_yaml_documents(std::string_view text, const YamlLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(Code::invalid_argument, fmt::format("YAML: larger than {} bytes", limits.max_bytes));
  }
  return Reader(text, limits).documents();
}

Result<Value> parse_yaml(std::string_view text, const YamlLimits& limits) {
  auto documents = MR_TRY(parse_yaml_documents(text, limits));
  if (documents.size() != 1) {
    return fail(Code::invalid_argument, fmt::format("YAML: one document is expected, {} are there", documents.size()));
  }
  return std::move(documents[0]);
}

std::string to_yaml(const Value& value) {
  std::string out;
  append_yaml(out, value, 0, false);
  return out;
}

}  // namespace millrace
