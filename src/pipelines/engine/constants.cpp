#include "pipelines/engine/constants.h"

#include "base/json.h"

namespace millrace::pipelines::engine {
namespace {

constexpr std::string_view kBegin = "{{$.inputs.parameters['", kEnd = "']}}";

std::string text_of(const Value* value) {
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? value->as_string() : to_json(*value);
}

std::string replaced(std::string_view text, const Value& parameters) {
  std::string out;
  while (true) {
    const std::size_t start = text.find(kBegin);
    const std::size_t end = start == std::string_view::npos ? start : text.find(kEnd, start);
    if (end == std::string_view::npos) return out.append(text);
    const std::size_t name = start + kBegin.size();
    out += text.substr(0, start);
    out += text_of(parameters.find(text.substr(name, end - name)));
    text.remove_prefix(end + kEnd.size());
  }
}

// As deep as the document was allowed to be when it was read.
Value inner(const Value& constant, const Value& parameters) {
  if (constant.is_string()) return Value(replaced(constant.as_string(), parameters));
  if (constant.is_array()) {
    Value out = Value::array();
    for (const Value& item : constant.items()) out.push(inner(item, parameters));
    return out;
  }
  if (constant.is_object()) {
    Value out = Value::object();
    for (const auto& [key, item] : constant.members())
      out.as_object().emplace_back(replaced(key, parameters), inner(item, parameters));
    return out;
  }
  return constant;
}

}  // namespace

Value with_inputs(const Value& constant, const Value& parameters) {
  if (constant.is_string()) {
    const std::string_view text = constant.as_string();
    if (text.starts_with(kBegin) && text.find(kEnd) == text.size() - kEnd.size()) {
      const Value* value = parameters.find(text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size()));
      return value == nullptr ? Value() : *value;
    }
  }
  return inner(constant, parameters);
}

bool names_inputs(const Value& constant) {
  if (constant.is_string()) return constant.as_string().find(kBegin) != std::string::npos;
  for (const Value& item : constant.items()) {
    if (names_inputs(item)) return true;
  }
  for (const auto& [key, item] : constant.members()) {
    if (key.find(kBegin) != std::string::npos || names_inputs(item)) return true;
  }
  return false;
}

}  // namespace millrace::pipelines::engine
