#include "iam/arn_members.h"

#include <gtest/gtest.h>

namespace millrace::iam {
namespace {

std::string reason(Status (*check)(aws::Call&, const aws::OperationModel&, Value&), const char* member,
                   const std::string& text) {
  aws::Call call;
  Value input = Value::object({{member, text}});
  const auto status = check(call, {}, input);
  return status ? "" : status.error().reason;
}

TEST(ArnMembers, TextThatIsNoArnIsAValidationError) {
  for (const char* wrong : {"longpolicynamebutnoarn", "arn:aws:iam:policy/something", "arn::iam::123456789012:policy/x",
                            "arn:aws:iam::123456789012:", "policy/arn:aws:iam::aws:policy/x"}) {
    EXPECT_EQ(reason(check_policy_arns, "PolicyArn", wrong), "ValidationError") << wrong;
    EXPECT_EQ(reason(check_policy_arns, "PermissionsBoundary", wrong), "ValidationError") << wrong;
    EXPECT_EQ(reason(check_role_arn, "RoleArn", wrong), "ValidationError") << wrong;
  }
  EXPECT_EQ(reason(check_role_arn, "RoleArn", "arn:aws:iam::123456789012:role/"), "ValidationError");
}

TEST(ArnMembers, ArnsAndWhatTheModelRefusesGoOn) {
  EXPECT_EQ(reason(check_policy_arns, "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"), "");
  EXPECT_EQ(reason(check_policy_arns, "PolicyArn", "short"), "");
  EXPECT_EQ(reason(check_role_arn, "RoleArn", "arn:aws:iam::123456789012:role/a/b"), "");
  EXPECT_EQ(reason(check_role_arn, "RoleSessionName", "nothing-valid-in-here"), "");
}

}  // namespace
}  // namespace millrace::iam
