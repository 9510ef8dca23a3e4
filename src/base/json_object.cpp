#include "base/json_object.h"

#include <utility>

#include "base/json.h"

namespace millrace {

JsonObject& JsonObject::key(std::string_view key) {
  out_ += std::exchange(empty_, false) ? "{\"" : ",\"";
  out_ += key;
  out_ += "\":";
  return *this;
}

JsonObject& JsonObject::text(std::string_view key, std::string_view text) {
  this->key(key);
  append_json_string(out_, text);
  return *this;
}

JsonObject& JsonObject::number(std::string_view key, std::int64_t number) {
  this->key(key);
  append_json(out_, number);
  return *this;
}

JsonObject& JsonObject::flag(std::string_view key, bool flag) {
  this->key(key);
  out_ += flag ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::value(std::string_view key, const Value& value) {
  this->key(key);
  append_json(out_, value);
  return *this;
}

void JsonObject::end() { out_ += empty_ ? "{}" : "}"; }

}  // namespace millrace
