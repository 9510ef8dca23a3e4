#include "components/resource_fields.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "aws/model_data.h"
#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::components {
namespace {

const Value& all_fields() {
  static const Value all = [] {
    auto parsed = parse_json(aws::model_text("sagemaker-resources"));
    return parsed ? std::move(*parsed) : Value::object();
  }();
  return all;
}

// "trainingImage" → "TrainingImage"
std::string api_name(const std::string& field, const Value& node) {
  if (node.has("api")) return node["api"].string_or();
  std::string name = field;
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

bool fits(std::string_view type, const Value& value) {
  if (type == "object" || type == "map") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "integer") return value.is_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_bool();
  return value.is_string();
}

// What Kubernetes calls the type that a declared field has, and the one that a value has.
std::string_view declared_type(std::string_view type) {
  return type == "map" ? "object" : type == "time" ? "string" : type;
}

// The declared field that a name was probably meant to be: the same one but for its case and for underscores.
std::string near_field(const Value& fields, const std::string& name) {
  const auto plain = [](const std::string& text) { return replace_all(to_lower(text), "_", ""); };
  for (const auto& [field, node] : fields.members()) {
    if (plain(field) == plain(name)) return field;
  }
  return {};
}

class Pruner {
 public:
  Value prune(const Value& node, const Value& value, const std::string& path) {
    const std::string type = node["type"].string_or();
    if (!fits(type, value)) {
      result_.faults.push_back(fmt::format("{}: Invalid value: \"{}\": {} in body must be of type {}: \"{}\"", path,
                                           value.kind_name(), path, declared_type(type), value.kind_name()));
      return value;
    }
    if (type == "object") return prune_object(node, value, path);
    if (type == "array") {
      Value items = Value::array();
      for (std::size_t i = 0; i < value.size(); ++i) {
        items.push(prune(node["items"], value.items()[i], fmt::format("{}[{}]", path, i)));
      }
      return items;
    }
    if (type == "map") {
      Value members = Value::object();
      for (const auto& [name, item] : value.members()) {
        members.set(name, prune(node["items"], item, fmt::format("{}.{}", path, name)));
      }
      return members;
    }
    return value;
  }
  Pruned take(Value value) {
    result_.value = std::move(value);
    return std::move(result_);
  }

 private:
  Value prune_object(const Value& node, const Value& value, const std::string& path) {
    Value kept = Value::object();
    for (const auto& [name, item] : value.members()) {
      const std::string inner = fmt::format("{}.{}", path, name);
      if (const Value* field = node["fields"].find(name)) {
        kept.set(name, prune(*field, item, inner));
        continue;
      }
      const std::string near = near_field(node["fields"], name);
      result_.dropped.push_back(near.empty() ? fmt::format("{} is no field of the resource and is dropped.", inner)
                                             : fmt::format("{} is no field of the resource and is dropped; the field "
                                                           "is {}.",
                                                           inner, near));
    }
    for (const Value& required : node["required"].items()) {
      if (!kept.has(required.as_string())) {
        result_.faults.push_back(fmt::format("{}.{}: Required value", path, required.as_string()));
      }
    }
    return kept;
  }

  Pruned result_;
};

}  // namespace

const Value& resource_fields(std::string_view kind, std::string_view part) { return all_fields()[kind][part]; }

Pruned prune(const Value& fields, const Value& value, const std::string& path) {
  Pruner pruner;
  Value kept = pruner.prune(fields, value, path);
  return pruner.take(std::move(kept));
}

Value to_api(const Value& fields, const Value& value) {
  if (value.is_array()) {
    Value items = Value::array();
    for (const Value& item : value.items()) items.push(to_api(fields["items"], item));
    return items;
  }
  if (!value.is_object()) return value;
  Value members = Value::object();
  const bool is_map = fields["type"] == Value("map");
  for (const auto& [name, item] : value.members()) {
    const Value& field = is_map ? fields["items"] : fields["fields"][name];
    members.set(is_map ? name : api_name(name, field), to_api(field, item));
  }
  return members;
}

Value from_api(const Value& fields, const Value& described) {
  const std::string type = fields["type"].string_or();
  if (type == "time" && described.is_number()) {
    return format_rfc3339(from_epoch_ms(static_cast<std::int64_t>(described.as_double()) * 1000));
  }
  if (type == "number" && described.is_number() && std::trunc(described.as_double()) == described.as_double()) {
    return static_cast<std::int64_t>(described.as_double());  // as Kubernetes passes JSON on
  }
  if (described.is_array()) {
    Value items = Value::array();
    for (const Value& item : described.items()) items.push(from_api(fields["items"], item));
    return items;
  }
  if (!described.is_object()) return described;
  Value::Object members;
  if (type == "map") {
    for (const auto& [name, item] : described.members()) members.emplace_back(name, from_api(fields["items"], item));
  } else {
    for (const auto& [name, field] : fields["fields"].members()) {
      const Value& item = described[api_name(name, field)];
      if (!item.is_null()) members.emplace_back(name, from_api(field, item));
    }
  }
  std::ranges::sort(members, {}, &Value::Member::first);
  return Value::object(std::move(members));
}

}  // namespace millrace::components
