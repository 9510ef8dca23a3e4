#include "iam/denial.h"

#include <gtest/gtest.h>

namespace millrace::iam {
namespace {

using policy::PolicyKind;

TEST(Denial, SpeaksAsAwsDoes) {
  aws::Principal ann;
  ann.kind = aws::Principal::Kind::user;
  ann.arn = "arn:aws:iam::123456789012:user/ann";
  const aws::Check get{"s3:GetObject", "arn:aws:s3:::b/k", {}}, list{"sagemaker:ListModels", "*", {}},
      user{"iam:GetUser", "arn:aws:iam::123456789012:user/bob", {}};
  policy::Decision no;
  EXPECT_EQ(denial(ann, get, no),
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:GetObject on resource: "
            "\"arn:aws:s3:::b/k\" because no identity-based policy allows the s3:GetObject action");
  no.decided_by = PolicyKind::boundary;
  EXPECT_EQ(denial(ann, list, no),
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: sagemaker:ListModels because no "
            "permissions boundary allows the sagemaker:ListModels action");
  no.decided_by = PolicyKind::session;
  EXPECT_EQ(denial(ann, user, no),
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:GetUser on resource: "
            "arn:aws:iam::123456789012:user/bob because no session policy allows the iam:GetUser action");
  no.explicitly_denied = true;
  no.policy = "session policy";
  EXPECT_TRUE(denial(ann, user, no).ends_with(" with an explicit deny in a session policy"));
  no.decided_by = PolicyKind::resource;
  no.policy = "resource policy of arn:aws:s3:::b/k";
  EXPECT_TRUE(denial(ann, get, no).ends_with(" with an explicit deny in a resource-based policy"));
  no.decided_by = PolicyKind::boundary;
  no.policy = "inline policy p of user ann";
  EXPECT_TRUE(denial(ann, user, no).ends_with(" with an explicit deny in a permissions boundary"));
  no.decided_by = PolicyKind::identity;
  EXPECT_TRUE(denial(ann, user, no).ends_with(" with an explicit deny in an identity-based policy"));
  no.policy = "arn:aws:iam::123456789012:policy/No";
  EXPECT_TRUE(
      denial(ann, user, no)
          .ends_with(" with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/No"));
  EXPECT_EQ(denial(aws::Principal{}, get, no), "Access Denied");
  EXPECT_EQ(denial(ann, {"s3:ListAllMyBuckets", "arn:aws:s3:::*", {}}, {}),
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:ListAllMyBuckets because no "
            "identity-based policy allows the s3:ListAllMyBuckets action");
}

}  // namespace
}  // namespace millrace::iam
