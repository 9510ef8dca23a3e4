#include "sagemaker/jobs/hosts.h"

#include <gtest/gtest.h>

#include "sagemaker/jobs/machine.h"

namespace millrace::sagemaker {
namespace {

using HostStatus = std::optional<work::WorkStatus>;

HostStatus running(int started) {
  work::WorkStatus status;
  status.started = from_epoch_ms(started);
  return status;
}
HostStatus ended(int code, int at) {
  work::WorkStatus status;
  status.state = work::WorkStatus::State::exited;
  status.exit_code = code;
  status.started = from_epoch_ms(1);
  status.ended = from_epoch_ms(at);
  return status;
}
Step step(const std::vector<HostStatus>& hosts, bool stop_requested = false) {
  const TogetherStatus seen = together(hosts);
  JobFacts facts;
  facts.stop_requested = stop_requested;
  facts.child = seen.all;
  facts.incomplete = seen.is_incomplete;
  facts.host_failed = seen.has_failed;
  return next_step(facts);
}

TEST(Hosts, AreOneProgram) {
  EXPECT_EQ(step({std::nullopt, std::nullopt}), Step::prepare);
  EXPECT_EQ(step({running(1), running(2)}), Step::watch);
  EXPECT_EQ(step({ended(0, 5), running(2)}), Step::watch);
  EXPECT_EQ(step({running(1), ended(1, 5)}), Step::end_child) << "a failure of one ends all";
  EXPECT_EQ(step({ended(1, 5), running(1)}), Step::end_child);
  EXPECT_EQ(step({running(1), running(2)}, true), Step::end_child);
  EXPECT_EQ(step({ended(0, 5), ended(0, 6)}), Step::finish);
  EXPECT_EQ(step({std::nullopt, std::nullopt}, true), Step::conclude_stopped);
}

TEST(Hosts, LaunchedInPartAreEndedAndLaunchedAnew) {
  EXPECT_EQ(step({std::nullopt, running(1)}), Step::end_child);
  EXPECT_EQ(step({std::nullopt, ended(143, 5)}), Step::forget);
  EXPECT_EQ(step({std::nullopt, ended(0, 5), running(1)}), Step::end_child);
  EXPECT_EQ(step({std::nullopt, ended(0, 5)}, true), Step::forget);
}

TEST(Hosts, TheFailureThatCameFirstIsTheJobs) {
  const TogetherStatus seen = together({ended(143, 9), ended(3, 5), ended(0, 4)});
  EXPECT_EQ(seen.culprit, 2u);
  EXPECT_EQ(seen.all->exit_code, 3);
  EXPECT_EQ(together({ended(0, 4), ended(0, 7)}).all->ended, from_epoch_ms(7)) << "it ends with the last";
  EXPECT_EQ(together({running(9), running(2)}).all->started, from_epoch_ms(2));
}

TEST(Hosts, HaveNamesAddressesAndStreamsOfTheirOwn) {
  EXPECT_EQ(host_key("k", 1), "k");
  EXPECT_EQ(host_key("k", 3), "k/algo-3");
  EXPECT_NE(hosts_file(2).find("127.0.1.2 algo-2\n"), std::string::npos);
  Resource job;
  job.state.set("log_stream", "a/algo-1-b/algo-1-77");
  EXPECT_EQ(host_stream(job, 2), "a/algo-1-b/algo-2-77");
}

}  // namespace
}  // namespace millrace::sagemaker
