#include <algorithm>

#include <fmt/core.h>

#include "aws/codec.h"
#include "base/strings.h"

namespace millrace::aws {
namespace {

constexpr std::size_t kDepthLimit = 32;
constexpr std::size_t kIndexLimit = 10'000;

// Sorted by name, so that "is there anything beneath this prefix" is a look-up.
class SortedForm {
 public:
  explicit SortedForm(const Form& form) : entries_(form) { std::sort(entries_.begin(), entries_.end()); }
  const std::string* find(const std::string& name) const {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), name, before);
    return at != entries_.end() && at->first == name ? &at->second : nullptr;
  }
  bool any_beneath(const std::string& prefix) const {
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), prefix, before);
    return at != entries_.end() && (at->first == prefix || at->first.starts_with(prefix + "."));
  }

 private:
  static bool before(const std::pair<std::string, std::string>& entry, const std::string& name) {
    return entry.first < name;
  }
  Form entries_;
};

std::string joined(const std::string& prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : prefix + "." + std::string(name);
}

std::string_view name_of(const Member& member) {
  return member.location_name.empty() ? std::string_view(member.name) : std::string_view(member.location_name);
}

Value read(const SortedForm& form, const Shape& shape, const std::string& prefix, bool flat, std::size_t depth) {
  if (depth > kDepthLimit) return Value();
  switch (shape.type) {
    case Shape::Type::structure: {
      Value value = Value::object();
      for (const Member& member : shape.members) {
        Value item = read(form, *member.shape, joined(prefix, name_of(member)),
                          member.flattened || member.shape->flattened, depth + 1);
        if (!item.is_null() && !(item.is_object() && item.empty() && member.shape->type == Shape::Type::structure)) {
          value.as_object().emplace_back(member.name, std::move(item));
        }
      }
      return value;
    }
    case Shape::Type::list: {
      // An empty list is sent as the bare name with an empty value.
      if (const auto* bare = form.find(prefix); bare != nullptr && bare->empty()) return Value::array();
      const std::string base =
          flat ? prefix : joined(prefix, shape.element.location_name.empty() ? "member" : shape.element.location_name);
      Value list;
      for (std::size_t i = 1; i <= kIndexLimit; ++i) {
        const std::string item = joined(base, std::to_string(i));
        if (!form.any_beneath(item)) break;
        list.push(read(form, *shape.element.shape, item, false, depth + 1));
      }
      return list;
    }
    case Shape::Type::map: {
      const std::string base = flat ? prefix : joined(prefix, "entry");
      Value map;
      for (std::size_t i = 1; i <= kIndexLimit; ++i) {
        const std::string entry = joined(base, std::to_string(i));
        const std::string* key =
            form.find(joined(entry, shape.key.location_name.empty() ? "key" : shape.key.location_name));
        if (key == nullptr) break;
        map.set(*key, read(form, *shape.element.shape,
                           joined(entry, shape.element.location_name.empty() ? "value" : shape.element.location_name),
                           false, depth + 1));
      }
      return map;
    }
    default: {
      const std::string* text = form.find(prefix);
      return text == nullptr ? Value() : scalar_from_text(shape, *text);
    }
  }
}

}  // namespace

Value read_query(const Shape& shape, const Form& form) { return read(SortedForm(form), shape, "", false, 0); }

void write_query(Form& form, const Shape& shape, const Value& value, const std::string& prefix) {
  switch (shape.type) {
    case Shape::Type::structure:
      for (const Member& member : shape.members) {
        if (!value[member.name].is_null())
          write_query(form, *member.shape, value[member.name], joined(prefix, name_of(member)));
      }
      return;
    case Shape::Type::list: {
      if (value.empty()) form.emplace_back(prefix, "");
      const std::string base =
          shape.flattened
              ? prefix
              : joined(prefix, shape.element.location_name.empty() ? "member" : shape.element.location_name);
      for (std::size_t i = 0; i < value.size(); ++i)
        write_query(form, *shape.element.shape, value.items()[i], joined(base, std::to_string(i + 1)));
      return;
    }
    case Shape::Type::map: {
      std::size_t i = 0;
      for (const auto& [key, item] : value.members()) {
        const std::string entry = joined(shape.flattened ? prefix : joined(prefix, "entry"), std::to_string(++i));
        form.emplace_back(joined(entry, shape.key.location_name.empty() ? "key" : shape.key.location_name), key);
        write_query(form, *shape.element.shape, item,
                    joined(entry, shape.element.location_name.empty() ? "value" : shape.element.location_name));
      }
      return;
    }
    default:
      form.emplace_back(prefix, scalar_text(shape, value, "iso8601"));
  }
}

}  // namespace millrace::aws
