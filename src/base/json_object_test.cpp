#include "base/json_object.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace {
namespace {

TEST(JsonObject, WritesWhatAValueWouldBe) {
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  const Value inner = Value::array({1, Value::object({{"a", Value()}})});
  std::string text = "before ";
  JsonObject object(text);
  object.text("plain", "a-b c").text("other", "\"ä\n").text("none", "");
  object.number("least", kLeast).flag("yes", true).flag("no", false).value("inner", inner);
  object.key("own");
  JsonObject(text).number("n", 7).end();
  object.end();
  ASSERT_EQ(text.substr(0, 7), "before ");
  const auto read = parse_json(text.substr(7));
  ASSERT_TRUE(read) << text;
  const Value expected = Value::object({{"plain", "a-b c"},
                                        {"other", "\"ä\n"},
                                        {"none", ""},
                                        {"least", kLeast},
                                        {"yes", true},
                                        {"no", false},
                                        {"inner", inner},
                                        {"own", Value::object({{"n", 7}})}});
  EXPECT_EQ(to_json(*read), to_json(expected));
}

TEST(JsonObject, MayBeEmpty) {
  std::string text;
  JsonObject(text).end();
  EXPECT_EQ(text, "{}");
}

}  // namespace
}  // namespace millrace
