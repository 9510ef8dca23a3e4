// Each operation of each AWS service with each statement of its database failing in turn: it reports the failure, as
// one of the server's, and has changed nothing.

#include <gtest/gtest.h>

#include <set>

#include "app/authorization/services_for_tests.h"

namespace millrace::app {
namespace {

constexpr std::size_t kMostStatements = 500;  // of one operation

// That a call was made is noted whatever becomes of it.
std::string rows(Services& services) { return db::rows_of(services.database(), "iam_action_use"); }

TEST(FailingStatements, LeaveNothingBehind) {
  Services services;
  std::size_t failed = 0;
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.head);
    for (std::size_t n = 1;; ++n) {
      ASSERT_LE(n, kMostStatements) << sample.head;
      const std::string before = rows(services);
      db::FailingDatabase::Nth nth(n);
      const auto answer = services.answer(sample.service, sample.operation, sample.request);
      if (!nth.failed()) {
        EXPECT_TRUE(answer || answer.error().code != Code::internal) << sample.head << answer.error().message;
        break;
      }
      ++failed;
      const std::string what = fmt::format("{} with its statement {} failing: {}", sample.head, n, nth.what());
      if (answer)
        ADD_FAILURE() << what << ": it succeeds";
      else
        EXPECT_EQ(answer.error().code, Code::internal) << what << ": " << answer.error().message;
      EXPECT_EQ(rows(services), before) << what;
    }
  }
  EXPECT_GT(failed, 400U);
}

}  // namespace
}  // namespace millrace::app
