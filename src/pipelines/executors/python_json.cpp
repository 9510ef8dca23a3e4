#include "pipelines/executors/python_json.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/strings.h"

namespace millrace::pipelines::executors {
namespace {

struct Name {
  std::string_view text;
  double number;
};
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::array<Name, 3> kNames = {
    {{"NaN", std::numeric_limits<double>::quiet_NaN()}, {"-Infinity", -kInfinity}, {"Infinity", kInfinity}}};
// Before a name, in a string that is to be the number: nothing that a task writes begins so.
constexpr std::string_view kMark = "millrace-number-7e1f0c52:";

std::string_view name_of(double number) {
  return std::isnan(number) ? kNames[0].text : number < 0 ? kNames[1].text : kNames[2].text;
}

bool is_number_here(std::string_view rest, std::string_view name) { return rest.starts_with(name); }

// The text with each such number outside of a string as a marked string.
std::string with_marks(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (in_string) {
      const std::size_t length = c == '\\' && at + 1 < text.size() ? 2 : 1;
      out += text.substr(at, length);
      in_string = c != '"';
      at += length;
      continue;
    }
    std::size_t taken = 0;
    for (const Name& name : kNames) {
      if (taken != 0 || !is_number_here(text.substr(at), name.text)) continue;
      out.append(1, '"').append(kMark).append(name.text).append(1, '"');
      taken = name.text.size();
    }
    if (taken == 0) {
      out += c;
      in_string = c == '"';
      taken = 1;
    }
    at += taken;
  }
  return out;
}

template <class Leaf>
Value changed(const Value& value, const Leaf& leaf) {
  if (value.is_array()) {
    Value out = Value::array();
    for (const Value& item : value.items()) out.push(changed(item, leaf));
    return out;
  }
  if (value.is_object()) {
    Value out = Value::object();
    for (const auto& [key, member] : value.members()) out.as_object().emplace_back(key, changed(member, leaf));
    return out;
  }
  return leaf(value);
}

Value marked_number(const Value& value) {
  if (!value.is_string()) return value;
  for (const Name& name : kNames) {
    if (value.as_string().size() == kMark.size() + name.text.size() && value.as_string().starts_with(kMark) &&
        value.as_string().ends_with(name.text))
      return name.number;
  }
  return value;
}

Value named(const Value& value) {
  const bool other = value.is_number() && !value.is_integer() && !std::isfinite(value.as_double());
  return other ? Value(name_of(value.as_double())) : value;
}

Value marked(const Value& value) {
  if (!value.is_string()) return value;
  for (const Name& name : kNames) {
    if (value.as_string() == name.text) return std::string(kMark).append(name.text);
  }
  return value;
}

bool is_metrics(const Value& artifact) {
  const std::string title = artifact["type"]["schemaTitle"].string_or();
  return title.starts_with("system.") && title.ends_with("Metrics");
}

}  // namespace

Result<Value> parse_python_json(std::string_view text) {
  auto plain = parse_json(text);
  if (plain || (text.find("NaN") == std::string_view::npos && text.find("Infinity") == std::string_view::npos))
    return plain;
  const auto parsed = parse_json(with_marks(text));
  if (!parsed) return plain;  // whose bytes are those of the text
  return changed(*parsed, marked_number);
}

std::optional<std::string_view> find_non_finite(const Value& value) {
  if (value.is_number() && !value.is_integer() && !std::isfinite(value.as_double())) return name_of(value.as_double());
  for (const Value& item : value.items()) {
    if (const auto found = find_non_finite(item)) return found;
  }
  for (const auto& [key, member] : value.members()) {
    if (const auto found = find_non_finite(member)) return found;
  }
  return std::nullopt;
}

Value with_named_numbers(const Value& value) { return find_non_finite(value) ? changed(value, named) : value; }

std::string python_json_of_input(const Value& input) {
  const Value& artifacts = input["inputs"]["artifacts"];
  if (artifacts.empty()) return to_json(input);
  Value out = input;
  bool any = false;
  for (auto& [name, list] : out.child("inputs").child("artifacts").as_object()) {
    Value* items = list.find("artifacts");
    if (items == nullptr || !items->is_array()) continue;
    for (Value& artifact : items->as_array()) {
      if (!is_metrics(artifact)) continue;
      artifact.set("metadata", changed(artifact["metadata"], marked));
      any = true;
    }
  }
  std::string text = to_json(any ? out : input);
  if (!any) return text;
  for (const Name& name : kNames)
    text = replace_all(text, "\"" + std::string(kMark).append(name.text) + "\"", name.text);
  return text;
}

}  // namespace millrace::pipelines::executors
