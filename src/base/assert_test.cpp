#include "base/assert.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Assert, HoldsInSilenceAndEndsTheProcessOtherwise) {
  int evaluated = 0;
  MR_ASSERT(++evaluated == 1, "evaluated once");
  EXPECT_EQ(evaluated, 1);
  EXPECT_DEATH(MR_ASSERT(evaluated == 2, "two of them"), "two of them.*evaluated == 2");
}

}  // namespace
}  // namespace millrace
