#include "base/value.h"

#include <gtest/gtest.h>

#include "base/result.h"

namespace millrace {
namespace {

TEST(Value, BuildsAndLooksUp) {
  Value value;
  value.set("a", 1).set("b", "x").set("a", 2).set_if(false, "c", 3);
  value.child("list").push(1).push("two");
  EXPECT_EQ(value.size(), 3u);
  EXPECT_EQ(value["a"].as_int(), 2);
  EXPECT_EQ(value.members()[0].first, "a");
  EXPECT_TRUE(value["none"]["deeper"].is_null());
  EXPECT_EQ(value.find("none"), nullptr);
  EXPECT_EQ(value["list"].items().size(), 2u);
  EXPECT_TRUE(value["b"].items().empty());
  EXPECT_TRUE(value.erase("b"));
  EXPECT_FALSE(value.erase("b"));
}

TEST(Value, LenientAccessorsFallBack) {
  EXPECT_EQ(Value("x").int_or(7), 7);
  EXPECT_EQ(Value(2.0).int_or(7), 2);
  EXPECT_EQ(Value(2.5).int_or(7), 7);
  EXPECT_EQ(Value(1e300).int_or(7), 7);
  EXPECT_EQ(Value(9223372036854775808.0).int_or(7), 7);
  EXPECT_EQ(Value(3).double_or(0), 3.0);
  EXPECT_EQ(Value(1).string_or("d"), "d");
  EXPECT_TRUE(Value().bool_or(true));
  EXPECT_EQ(Value(1).kind_name(), "integer");
  EXPECT_EQ(Value(1.5).kind_name(), "number");
}

TEST(Value, EqualityIsOfMeaning) {
  EXPECT_EQ(Value(2), Value(2.0));
  EXPECT_NE(Value(2), Value("2"));
  EXPECT_NE(Value(0), Value(false));
  EXPECT_EQ(Value::object({{"a", 1}, {"b", 2}}), Value::object({{"b", 2}, {"a", 1}}));
  EXPECT_NE(Value::object({{"a", 1}}), Value::object({{"a", nullptr}}));
  EXPECT_NE(Value::array({1, 2}), Value::array({2, 1}));
  Value placed(1);
  placed.line = 9;
  EXPECT_EQ(placed, Value(1));
}

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::invalid_argument, "odd", "Odd");
  return n / 2;
}
Result<int> quarter(int n) { return MR_TRY(half(MR_TRY(half(n)))); }

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(*quarter(8), 2);
  const auto failed = quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason, "Odd");
  EXPECT_EQ(code_name(failed.error().code), "INVALID_ARGUMENT");
  EXPECT_EQ(code_name(Code::data_loss), "DATA_LOSS");
}

}  // namespace
}  // namespace millrace
