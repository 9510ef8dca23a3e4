#include "iam/session_policies.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/ids.h"

namespace millrace::iam {
namespace {

Value object(std::initializer_list<Value::Member> members) { return Value::object(members); }
Value tag(const std::string& key, const std::string& value) { return object({{"Key", key}, {"Value", value}}); }

class SessionPolicies : public ::testing::Test {
 protected:
  SessionPolicies()
      : directory_(std::filesystem::temp_directory_path() / ("iam-sessions-" + random_hex(12))),
        made_(std::filesystem::create_directories(directory_)),
        database_(*db::Database::open((directory_ / "iam.db").string())),
        store_(*database_),
        context_{store_, clock_, "123456789012", std::string(32, 'k')} {
    EXPECT_TRUE(store_.open());
  }
  ~SessionPolicies() override {
    database_.reset();
    std::filesystem::remove_all(directory_);
  }
  void refuse(const Value& input, const char* code) {
    const auto request = read_session_request(context_, input);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().reason, code) << request.error().message;
  }

  std::filesystem::path directory_;
  bool made_;
  std::unique_ptr<db::Database> database_;
  Store store_;
  FakeClock clock_;
  Context context_;
};

TEST_F(SessionPolicies, NothingAskedIsNothingPacked) {
  const auto request = read_session_request(context_, Value::object());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->packed_percent, 0);
  EXPECT_FALSE(request->has_policies);
}

TEST_F(SessionPolicies, TakesAPolicyAndArnsTogether) {
  const auto request = read_session_request(
      context_,
      object({{"Policy", R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})"},
              {"PolicyArns", Value::array({object({{"arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}})})}}));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->policies.size(), 2u);
  EXPECT_GT(request->packed_percent, 0);
}

TEST_F(SessionPolicies, RefusesWhatDoesNotFit) {
  Value many = Value::array();
  for (int i = 0; i < 40; ++i) many.push(tag("k" + std::to_string(i), std::string(200, 'v')));
  refuse(object({{"Tags", many}}), "PackedPolicyTooLarge");
  std::string actions;
  for (int i = 0; i < 200; ++i) actions += (i == 0 ? "\"s3:A" : ",\"s3:A") + std::to_string(1000 + i) + "\"";
  refuse(object({{"Policy", R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":[)" +
                                actions + "]}}"}}),
         "PackedPolicyTooLarge");
  refuse(object({{"Policy", "{}"}}), "MalformedPolicyDocument");
  Value arns = Value::array();
  for (int i = 0; i < 11; ++i) arns.push(object({{"arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}}));
  refuse(object({{"PolicyArns", arns}}), "ValidationError");
  refuse(object({{"PolicyArns", Value::array({object({{"arn", "arn:aws:iam::123456789012:policy/none"}})})}}),
         "ValidationError");
}

TEST_F(SessionPolicies, TagKeysAreTheSameInAnyCase) {
  refuse(object({{"Tags", Value::array({tag("a", "1"), tag("A", "2")})}}), "InvalidParameterValue");
  refuse(object({{"Tags", Value::array({tag("aws:x", "1")})}}), "InvalidParameterValue");
  refuse(object({{"TransitiveTagKeys", Value::array({"a"})}}), "InvalidParameterValue");
  Tags tags{{"Team", "ml"}, {"desk", "7"}};
  merge_tags(tags, {{"team", "ops"}});
  EXPECT_EQ(tags, (Tags{{"desk", "7"}, {"team", "ops"}}));
}

}  // namespace
}  // namespace millrace::iam
