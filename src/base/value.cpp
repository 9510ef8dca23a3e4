#include "base/value.h"

#include <cmath>
#include <cstdlib>

namespace millrace {
namespace {

const Value& shared_null() {
  static const Value null;
  return null;
}

}  // namespace

std::string_view Value::kind_with_article() const {
  switch (kind()) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::integer:
      return "an integer";
    case Kind::real:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::array:
      return "an array";
    case Kind::object:
      return "an object";
  }
  std::abort();
}

std::string_view Value::kind_name() const {
  const std::string_view phrase = kind_with_article();
  return phrase.substr(phrase.find(' ') + 1);  // all of it where there is no blank
}

std::int64_t Value::as_int() const {
  if (const auto* integer = std::get_if<std::int64_t>(&data_)) return *integer;
  return static_cast<std::int64_t>(std::get<double>(data_));
}

double Value::as_double() const {
  if (const auto* integer = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*integer);
  return std::get<double>(data_);
}

std::int64_t Value::int_or(std::int64_t fallback) const {
  if (is_integer()) return as_int();
  if (kind() != Kind::real) return fallback;
  const double number = as_double();
  // Only integral doubles that fit; 2^63 itself does not.
  if (std::nearbyint(number) != number || number < -9223372036854775808.0 || number >= 9223372036854775808.0) {
    return fallback;
  }
  return static_cast<std::int64_t>(number);
}

const Value* Value::find(std::string_view key) const {
  const auto* object = std::get_if<Object>(&data_);
  if (object == nullptr) return nullptr;
  for (const Member& member : *object) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

const Value& Value::at(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr ? *value : shared_null();
}

Value& Value::child(std::string_view key) {
  if (is_null()) data_ = Object{};
  if (Value* existing = find(key)) return *existing;
  auto& object = std::get<Object>(data_);
  object.emplace_back(std::string(key), Value());
  return object.back().second;
}

Value& Value::set(std::string_view key, Value value) {
  child(key) = std::move(value);
  return *this;
}

bool Value::erase(std::string_view key) {
  auto* object = std::get_if<Object>(&data_);
  if (object == nullptr) return false;
  for (auto it = object->begin(); it != object->end(); ++it) {
    if (it->first == key) {
      object->erase(it);
      return true;
    }
  }
  return false;
}

Value& Value::push(Value value) {
  if (is_null()) data_ = Array{};
  std::get<Array>(data_).push_back(std::move(value));
  return *this;
}

std::size_t Value::size() const {
  if (const auto* array = std::get_if<Array>(&data_)) return array->size();
  if (const auto* object = std::get_if<Object>(&data_)) return object->size();
  return 0;
}

const Value::Array& Value::items() const {
  static const Array empty;
  const auto* array = std::get_if<Array>(&data_);
  return array != nullptr ? *array : empty;
}

const Value::Object& Value::members() const {
  static const Object empty;
  const auto* object = std::get_if<Object>(&data_);
  return object != nullptr ? *object : empty;
}

bool operator==(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    return a.is_integer() && b.is_integer() ? a.as_int() == b.as_int() : a.as_double() == b.as_double();
  }
  if (a.kind() != b.kind()) return false;
  if (!a.is_object()) return a.data_ == b.data_;
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.members()) {
    const Value* other = b.find(key);
    if (other == nullptr || !(value == *other)) return false;
  }
  return true;
}

}  // namespace millrace
