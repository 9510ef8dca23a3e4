#include "iam/run_calls.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "iam/authoriser.h"
#include "iam/decisions.h"

namespace millrace::iam {
namespace {

class RunCallsTest : public ::testing::Test {
 protected:
  RunCallsTest() {
    database_ = *db::Database::open((scratch_->path() / "test.db").string());
    EXPECT_TRUE(calls_.emplace(*database_).open());
    call_.origin = "run-1";
    call_.principal.kind = aws::Principal::Kind::assumed_role;
    call_.principal.arn = "arn:aws:sts::1:assumed-role/r/s";
    call_.principal.role_arn = "arn:aws:iam::1:role/r";
  }
  void open_again() {
    calls_.reset();
    ASSERT_TRUE(calls_.emplace(*database_).open());
  }
  Result<TempDir> scratch_ = TempDir::make("run-calls");
  std::unique_ptr<db::Database> database_;
  std::optional<RunCalls> calls_;
  aws::Call call_;
};

TEST_F(RunCallsTest, EachCallOnceAndForEver) {
  const aws::Check pass{
      "iam:PassRole", "arn:aws:iam::1:role/x", {{"iam:PassedToService", {"sagemaker.amazonaws.com"}}}};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(calls_->note(call_, {"s3:GetObject", "arn:aws:s3:::b/k", {}}));
    ASSERT_TRUE(calls_->note(call_, pass));
    open_again();
  }
  call_.origin = "";
  ASSERT_TRUE(calls_->note(call_, {"s3:PutObject", "arn:aws:s3:::b/k", {}}));
  call_.origin = "run-1";
  call_.principal.kind = aws::Principal::Kind::root;
  ASSERT_TRUE(calls_->note(call_, {"s3:PutObject", "arn:aws:s3:::b/k", {}}));
  const auto of_run = calls_->calls_of("run-1");
  ASSERT_TRUE(of_run);
  EXPECT_TRUE(of_run->complete);
  const std::vector<UsedPermission> wanted = {
      {"arn:aws:iam::1:role/r", "iam:PassRole", "arn:aws:iam::1:role/x", "sagemaker.amazonaws.com"},
      {"arn:aws:iam::1:role/r", "s3:GetObject", "arn:aws:s3:::b/k", ""}};
  EXPECT_EQ(of_run->calls, wanted);
  EXPECT_TRUE(calls_->calls_of("run-2")->calls.empty());
}

TEST_F(RunCallsTest, LimitsOutliveTheServerAndLeaveNothingToOthers) {
  const std::string document =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})";
  EXPECT_EQ(*calls_->limit_of("run-1", call_.principal), nullptr);
  ASSERT_TRUE(calls_->limit("run-1", {{"arn:aws:iam::1:role/r", document}}));
  for (int i = 0; i < 2; ++i) {
    const auto limit = calls_->limit_of("run-1", call_.principal);
    ASSERT_TRUE(limit && *limit);
    EXPECT_EQ((*limit)->statements.size(), 1u);
    aws::Principal other = call_.principal;
    other.role_arn = "arn:aws:iam::1:role/other";
    const auto nothing = calls_->limit_of("run-1", other);
    ASSERT_TRUE(nothing && *nothing);
    EXPECT_TRUE((*nothing)->statements.empty());
    EXPECT_EQ(*calls_->limit_of("run-2", call_.principal), nullptr);
    EXPECT_EQ(*calls_->limit_of("", call_.principal), nullptr);
    open_again();
  }
  EXPECT_FALSE(calls_->limit("run-3", {{"arn:aws:iam::1:role/r", "{"}}));
}

TEST(Decisions, KeepTheLatestAndDenialsLongest) {
  Decisions decisions;
  aws::Call call;
  for (std::size_t i = 0; i < kAllowedKept + 10; ++i) {
    call.request_id = "allowed-" + std::to_string(i);
    Considered considered;
    considered.question.action = "s3:GetObject";
    decisions.note(call, std::move(considered), true);
    if (i % 100 == 0) {
      call.request_id = "denied-" + std::to_string(i);
      call.origin = i == 100 ? "run-1" : "";
      decisions.note(call, {}, false);
      decisions.note(call, {}, false);
      call.origin = "";
    }
  }
  EXPECT_TRUE(decisions.find({.request_id = "allowed-0"}).empty());
  EXPECT_EQ(decisions.find({.request_id = "allowed-10"}).size(), 1u);
  EXPECT_EQ(decisions.find({.request_id = "denied-0"}).size(), 2u) << "both checks of the request";
  EXPECT_EQ(decisions.find({.denied_only = true})[0]->request_id, "denied-1000");
  EXPECT_EQ(decisions.find({.limit = 1})[0]->request_id, "allowed-" + std::to_string(kAllowedKept + 9));
  EXPECT_EQ(decisions.find({.run = "run-1"}).size(), 2u);
}

}  // namespace
}  // namespace millrace::iam
