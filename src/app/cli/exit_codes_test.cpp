#include "app/cli/exit_codes.h"

#include <set>

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

TEST(ExitCodes, OfErrorsAreToldApart) {
  EXPECT_EQ(exit_of({Code::invalid_argument, ""}), kUsage);
  EXPECT_EQ(exit_of({Code::unavailable, ""}), kNoServer);
  EXPECT_EQ(exit_of({Code::deadline_exceeded, ""}), kNoServer);
  EXPECT_EQ(exit_of({Code::not_found, ""}), kNotFound);
  EXPECT_EQ(exit_of({Code::cancelled, ""}), kInterrupted);
  for (const Code code : {Code::already_exists, Code::permission_denied, Code::failed_precondition, Code::internal})
    EXPECT_EQ(exit_of({code, ""}), kRefused);
}

TEST(ExitCodes, EachHasItsMeaning) {
  std::set<int> codes;
  for (const ExitMeaning& one : exit_meanings()) {
    EXPECT_TRUE(codes.insert(one.code).second);
    EXPECT_NE(exit_code_table().find(std::string(one.meaning)), std::string::npos);
  }
  for (const int code : {kSucceeded, kFailed, kUsage, kCanceled, kNoServer, kNotFound, kRefused, kInterrupted})
    EXPECT_TRUE(codes.contains(code)) << code;
}

}  // namespace
}  // namespace millrace::app
