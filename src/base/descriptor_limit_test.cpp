#include "base/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace millrace {
namespace {

TEST(DescriptorLimit, IsRaisedAtMostToTheHardLimitAndRemembersWhatItWas) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 200;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(100), 200u) << "never lowered";
  EXPECT_EQ(raise_descriptor_limit(300), 300u);
  EXPECT_EQ(raise_descriptor_limit(before.rlim_max), before.rlim_max);
  EXPECT_EQ(original_descriptor_limit(), 200u);
  EXPECT_EQ(descriptor_limit(), before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace millrace
