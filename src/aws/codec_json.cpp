#include <fmt/core.h>

#include "aws/codec.h"
#include "base/encode.h"
#include "base/time.h"

namespace millrace::aws {

Result<Value> from_wire_json(const Shape& shape, const Value& wire) {
  if (wire.is_null() || shape.document) return wire;
  switch (shape.type) {
    case Shape::Type::structure: {
      if (!wire.is_object()) return wire;  // the validator says what is wrong with it
      Value value = Value::object();
      for (const auto& [name, item] : wire.members()) {
        const Member* member = shape.member(name);
        value.as_object().emplace_back(name, member == nullptr ? item : MR_TRY(from_wire_json(*member->shape, item)));
      }
      return value;
    }
    case Shape::Type::list: {
      Value value = Value::array();
      if (!wire.is_array()) return wire;
      for (const Value& item : wire.items()) value.push(MR_TRY(from_wire_json(*shape.element.shape, item)));
      return value;
    }
    case Shape::Type::map: {
      if (!wire.is_object()) return wire;
      Value value = Value::object();
      for (const auto& [key, item] : wire.members())
        value.as_object().emplace_back(key, MR_TRY(from_wire_json(*shape.element.shape, item)));
      return value;
    }
    case Shape::Type::blob: {
      if (!wire.is_string()) return wire;
      auto bytes = from_base64(wire.as_string());
      if (!bytes)
        return fail(Code::invalid_argument, fmt::format("{} is not base64", shape.name), "SerializationException");
      return Value(std::move(*bytes));
    }
    case Shape::Type::timestamp:
      if (wire.is_string()) {
        if (const auto time = parse_rfc3339(wire.as_string())) return Value(to_epoch_seconds(*time));
      }
      return wire;
    default:
      return wire;
  }
}

Value to_wire_json(const Shape& shape, const Value& value) {
  if (value.is_null() || shape.document) return value;
  switch (shape.type) {
    case Shape::Type::structure: {
      Value wire = Value::object();
      for (const auto& [name, item] : value.members()) {
        const Member* member = shape.member(name);
        if (member == nullptr || item.is_null() || !member->location.empty()) continue;
        const std::string& wire_name = member->location_name.empty() ? name : member->location_name;
        wire.as_object().emplace_back(wire_name, to_wire_json(*member->shape, item));
      }
      return wire;
    }
    case Shape::Type::list: {
      Value wire = Value::array();
      for (const Value& item : value.items()) wire.push(to_wire_json(*shape.element.shape, item));
      return wire;
    }
    case Shape::Type::map: {
      Value wire = Value::object();
      for (const auto& [key, item] : value.members())
        wire.as_object().emplace_back(key, to_wire_json(*shape.element.shape, item));
      return wire;
    }
    case Shape::Type::blob:
      return value.is_string() ? Value(to_base64(value.as_string())) : value;
    default:
      return value;
  }
}

}  // namespace millrace::aws
