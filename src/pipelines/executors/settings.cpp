#include "pipelines/executors/settings.h"

#include "base/json.h"

namespace millrace::pipelines::executors {

const Value& setting_of(const Setting& setting, const engine::Node& node) {
  static const Value kNone;
  if (setting.source < 0) return setting.value;
  const auto index = static_cast<std::size_t>(setting.source);
  return index < node.settings.size() ? node.settings[index] : kNone;
}

bool is_left_open(const Setting& setting, const engine::Node& node) {
  return setting.source >= 0 && setting_of(setting, node).is_null();
}

Value object_of(const Value& value) {
  if (!value.is_string()) return value;
  auto parsed = parse_json(value.as_string());
  return parsed ? std::move(*parsed) : Value();
}

}  // namespace millrace::pipelines::executors
