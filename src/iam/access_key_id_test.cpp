#include "iam/access_key_id.h"

#include <set>

#include <gtest/gtest.h>

namespace millrace::iam {
namespace {

TEST(AccessKeyId, HoldsTheAccount) {
  std::set<std::string> made;
  for (const char* account : {"000000000000", "000000000001", "123456789012", "999999999999"}) {
    for (const char* prefix : {"AKIA", "ASIA"}) {
      for (int i = 0; i < 100; ++i) {
        const std::string id = new_access_key_id(prefix, account);
        EXPECT_EQ(id.size(), 20u);
        EXPECT_TRUE(id.starts_with(prefix));
        EXPECT_EQ(id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), std::string::npos) << id;
        EXPECT_EQ(account_of_access_key(id), account) << id;
        EXPECT_TRUE(made.insert(id).second) << id;
      }
    }
  }
}

TEST(AccessKeyId, IsReadAsAwsReadsIt) {
  EXPECT_EQ(account_of_access_key("ASIAQNZGKIQY56JQ7WML"), "029608264753");
  // Of before the account was written there, or no id at all.
  for (const char* id :
       {"AKIAIOSFODNN7EXAMPLE", "AROAQNZGKIQY56JQ7WML", "ASIAQNZGKIQY56JQ7WM", "ASIAQNZGKI0Y56JQ7WML", ""})
    EXPECT_EQ(account_of_access_key(id), "") << id;
}

}  // namespace
}  // namespace millrace::iam
