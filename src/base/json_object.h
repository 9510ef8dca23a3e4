#pragma once
// Writes a JSON object member by member, without a Value in between: for what is written very often.
//
//   JsonObject(text).text("name", name).number("size", 3).end();

#include <cstdint>
#include <string>
#include <string_view>

#include "base/value.h"

namespace millrace {

class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) {}
  // Keys are words of the program's own: they are written as they stand.
  JsonObject& text(std::string_view key, std::string_view text);
  JsonObject& number(std::string_view key, std::int64_t number);
  JsonObject& flag(std::string_view key, bool flag);
  JsonObject& value(std::string_view key, const Value& value);
  // The caller writes the member's value to the text.
  JsonObject& key(std::string_view key);
  void end();

 private:
  std::string& out_;
  bool empty_ = true;
};

}  // namespace millrace
