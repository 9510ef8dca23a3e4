#include "kube/field_set.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "kube/schema.h"

namespace millrace::kube {
namespace {

constexpr std::string_view kSelf = ".";

// What the server sets itself has no owner.
constexpr std::string_view kUnowned[] = {"apiVersion", "kind", "status"};
constexpr std::string_view kUnownedMetadata[] = {"name",
                                                 "namespace",
                                                 "creationTimestamp",
                                                 "selfLink",
                                                 "uid",
                                                 "generation",
                                                 "generateName",
                                                 "managedFields",
                                                 "resourceVersion",
                                                 "deletionTimestamp",
                                                 "deletionGracePeriodSeconds"};

bool is_unowned(const FieldPath& path, std::string_view key) {
  if (path.empty()) return std::ranges::find(kUnowned, key) != std::end(kUnowned);
  return path.size() == 1 && path.front() == "f:metadata" &&
         std::ranges::find(kUnownedMetadata, key) != std::end(kUnownedMetadata);
}

enum class Shape { leaf, structure, map, keyed_list, set };

Shape shape_of(const Value& schema) {
  const Value& actual = resolved(schema);
  const std::string type = actual.at("type").string_or();
  // A list's or a map's own treatment stands beside the reference as well as behind it.
  const auto marked = [&](const char* key) { return schema.at(key).string_or(actual.at(key).string_or()); };
  if (type == "object") {
    if (takes_anything(schema) || marked("x-kubernetes-map-type") == "atomic") return Shape::leaf;
    return actual.has("additionalProperties") ? Shape::map : Shape::structure;
  }
  if (type != "array") return Shape::leaf;
  const std::string list = marked("x-kubernetes-list-type");
  return list == "map" ? Shape::keyed_list : list == "set" ? Shape::set : Shape::leaf;
}

std::string step_of(const Value& schema, Shape shape, const Value& item) {
  if (shape == Shape::set) return "v:" + to_json(item);
  std::map<std::string, Value> keys;
  for (const Value& key : resolved(schema).at("x-kubernetes-list-map-keys").items())
    keys[key.string_or()] = item.at(key.string_or());
  return "k:" + to_json(Value::object(Value::Object(keys.begin(), keys.end())));
}

// The depth of recursion is that of the object, which the JSON reader bounds.
void gather(const Value& schema, const Value& value, bool maps, FieldPath& path, std::map<FieldPath, Value>& out) {
  const Shape shape = shape_of(schema);
  if (value.is_null()) return;
  if (shape == Shape::leaf || value.empty()) {
    if (!path.empty()) out[path] = value;
    return;
  }
  if (shape == Shape::map && maps) out[path] = Value::object();
  const auto descend = [&](std::string step, const Value& inner_schema, const Value& inner) {
    path.push_back(std::move(step));
    if (shape == Shape::keyed_list) out[path] = Value::object();
    gather(inner_schema, inner, maps, path, out);
    path.pop_back();
  };
  for (const auto& [key, inner] : value.members()) {
    const Value* member = member_schema(schema, key);
    if (member != nullptr && !is_unowned(path, key)) descend("f:" + key, *member, inner);
  }
  for (const Value& item : value.items()) descend(step_of(schema, shape, item), item_schema(schema), item);
}

void add_paths(const Value& fields, FieldPath& path, FieldSet& out) {
  if (fields.empty() && !path.empty()) out.insert(path);
  for (const auto& [key, inner] : fields.members()) {
    if (key == kSelf) {
      out.insert(path);
      continue;
    }
    path.push_back(key);
    add_paths(inner, path, out);
    path.pop_back();
  }
}

// The item of a list that a step names.
std::size_t find_item(const Value& list, const std::string& step) {
  const auto wanted = parse_json(std::string_view(step).substr(2));
  const auto& items = list.items();
  for (std::size_t i = 0; wanted && i < items.size(); ++i) {
    bool same = step.starts_with("v:") ? items[i] == *wanted : true;
    for (const auto& [key, value] : wanted->members()) same = same && items[i].at(key) == value;
    if (same) return i;
  }
  return items.size();
}

void remove_at(Value& value, const FieldPath& path, std::size_t depth) {
  const std::string& step = path[depth];
  const bool last = depth + 1 == path.size();
  if (step.starts_with("f:")) {
    const std::string key = step.substr(2);
    if (last) {
      value.erase(key);
    } else if (Value* inner = value.find(key)) {
      remove_at(*inner, path, depth + 1);
      if (inner->empty() && (inner->is_object() || inner->is_array())) value.erase(key);
    }
    return;
  }
  const std::size_t at = find_item(value, step);
  if (at == value.items().size()) return;
  if (last) {
    value.as_array().erase(value.as_array().begin() + static_cast<std::ptrdiff_t>(at));
  } else {
    remove_at(value.as_array()[at], path, depth + 1);
  }
}

}  // namespace

Value to_fields_v1(const FieldSet& fields) {
  Value root = Value::object();
  for (const FieldPath& path : fields) {  // a path comes before those that it begins
    Value* at = &root;
    for (const auto& step : path) {
      Value& next = at->child(step);
      if (next.is_null()) next = Value::object();
      at = &next;
    }
    const auto following = fields.upper_bound(path);
    const bool begins_another = following != fields.end() && following->size() > path.size() &&
                                std::equal(path.begin(), path.end(), following->begin());
    if (begins_another) at->set(kSelf, Value::object());
  }
  return root;
}

FieldSet from_fields_v1(const Value& fields) {
  FieldSet out;
  FieldPath path;
  add_paths(fields, path, out);
  return out;
}

std::string readable(const FieldPath& path) {
  std::string text;
  for (const auto& step : path) {
    if (step.starts_with("f:")) {
      text += "." + step.substr(2);
    } else if (step.starts_with("v:")) {
      text += "[=" + step.substr(2) + "]";
    } else {
      std::vector<std::string> keys;
      if (const auto parsed = parse_json(std::string_view(step).substr(2))) {
        for (const auto& [key, value] : parsed->members()) keys.push_back(key + "=" + to_json(value));
      }
      text += "[" + join(keys, ",") + "]";
    }
  }
  return text;
}

std::map<FieldPath, Value> fields_of(const Value& schema, const Value& object, bool maps) {
  std::map<FieldPath, Value> out;
  FieldPath path;
  gather(schema, object, maps, path, out);
  return out;
}

Value merged(const Value& schema, const Value& live, const Value& applied) {
  const Shape shape = shape_of(schema);
  if (shape == Shape::leaf || live.is_null() || live.kind() != applied.kind()) return applied;
  Value result = live;
  for (const auto& [key, value] : applied.members()) {
    const Value* member = member_schema(schema, key);
    if (member == nullptr || value.is_null()) continue;
    result.set(key, merged(*member, live.at(key), value));
  }
  for (const Value& item : applied.items()) {
    const std::size_t at = find_item(result, step_of(schema, shape, item));
    if (at == result.items().size()) {
      result.push(item);
    } else {
      Value& there = result.as_array()[at];
      there = merged(item_schema(schema), there, item);
    }
  }
  return result;
}

void remove_field(Value& object, const FieldPath& path) {
  if (!path.empty()) remove_at(object, path, 0);
}

}  // namespace millrace::kube
