#include <gtest/gtest.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

std::vector<Value> named(std::initializer_list<const char*> names) {
  std::vector<Value> items;
  for (const char* name : names) items.push_back(Value::object({{"Name", name}}));
  return items;
}

std::string names_in(const Value& output) {
  std::string names;
  for (const Value& item : output["Items"].items()) names += item["Name"].string_or() + " ";
  return names;
}

TEST(Paging, GoesOnBehindTheLastNameEvenIfItIsGone) {
  const auto first = page(Value::object({{"MaxItems", 2}}), "Items", named({"c", "A", "b", "D"}), "Name");
  ASSERT_TRUE(first);
  EXPECT_EQ(names_in(*first), "A b ") << "ordered without regard to case";
  EXPECT_TRUE((*first)["IsTruncated"].as_bool());
  const auto rest = page(Value::object({{"Marker", (*first)["Marker"]}}), "Items", named({"D", "c", "a2"}), "Name");
  ASSERT_TRUE(rest);
  EXPECT_EQ(names_in(*rest), "c D ") << "what was added before the marker since is not listed";
  EXPECT_FALSE((*rest)["IsTruncated"].as_bool());
  EXPECT_FALSE(rest->has("Marker"));
}

TEST(Paging, AnExactPageIsTheLast) {
  const auto output = page(Value::object({{"MaxItems", 2}}), "Items", named({"a", "b"}), "Name");
  ASSERT_TRUE(output);
  EXPECT_FALSE((*output)["IsTruncated"].as_bool());
  EXPECT_TRUE((*page(Value::object(), "Items", {}, "Name"))["Items"].is_array()) << "nothing is an empty list";
}

TEST(Paging, KeepsAnOrderThatIsItsOwn) {
  const auto first = page_in_order(Value::object({{"MaxItems", 1}}), "Items", named({"v10", "v9"}));
  ASSERT_TRUE(first);
  EXPECT_EQ(names_in(*first), "v10 ");
  EXPECT_EQ(names_in(*page_in_order(Value::object({{"Marker", (*first)["Marker"]}}), "Items", named({"v10", "v9"}))),
            "v9 ");
}

TEST(Paging, RefusesAMarkerThatItDidNotGive) {
  const auto by_name = page(Value::object({{"MaxItems", 1}}), "Items", named({"a", "b"}), "Name");
  ASSERT_TRUE(by_name);
  for (const Value& marker : {Value("not base64!"), Value("AAAA"), Value(""), (*by_name)["Marker"]}) {
    const auto refused = page_in_order(Value::object({{"Marker", marker}}), "Items", named({"a", "b"}));
    ASSERT_FALSE(refused) << marker.string_or();
    EXPECT_EQ(refused.error().reason, "ValidationError");
  }
}

}  // namespace
}  // namespace millrace::iam
