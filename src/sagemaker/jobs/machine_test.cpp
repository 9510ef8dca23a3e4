#include "sagemaker/jobs/machine.h"

#include <gtest/gtest.h>

namespace millrace::sagemaker {
namespace {

work::WorkStatus running() { return {}; }
work::WorkStatus exited(int code, int signal = 0) {
  work::WorkStatus status;
  status.state = work::WorkStatus::State::exited;
  status.exit_code = code;
  status.signal = signal;
  return status;
}
work::WorkStatus lost() {
  work::WorkStatus status;
  status.state = work::WorkStatus::State::lost;
  return status;
}

TEST(NextStep, FollowsFromTheFacts) {
  struct Case {
    bool ended, stop, timed_out;
    std::optional<work::WorkStatus> child;
    Step step;
  };
  const Case cases[] = {
      {false, false, false, std::nullopt, Step::prepare}, {false, true, false, std::nullopt, Step::conclude_stopped},
      {false, false, false, running(), Step::watch},      {false, true, false, running(), Step::end_child},
      {false, false, true, running(), Step::end_child},   {false, false, false, exited(0), Step::finish},
      {false, true, false, exited(0), Step::finish},      {false, false, false, lost(), Step::finish},
      {true, false, false, std::nullopt, Step::release},  {true, true, true, running(), Step::release},
  };
  for (const auto& c : cases) EXPECT_EQ(next_step({c.ended, c.stop, c.timed_out, c.child}), c.step);
}

TEST(Outcome, SaysHowTheChildEnded) {
  struct Case {
    Ending ending;
    std::string_view status, secondary, reason;
    bool upload;
  };
  const Kind train = Kind::training_job, process = Kind::processing_job;
  const Case cases[] = {
      {{train, true, false, false, exited(0), ""}, "Completed", "Completed", "", true},
      {{train, true, false, false, exited(1), "feature_dim is missing"},
       "Failed",
       "Failed",
       "ClientError: feature_dim is missing, exit code: 1",
       false},
      {{train, true, false, false, exited(2), "out of range"},
       "Failed",
       "Failed",
       "InternalServerError: out of range, exit code: 2",
       false},
      {{train, false, false, false, exited(1), "ValueError: x"},
       "Failed",
       "Failed",
       "AlgorithmError: ValueError: x, exit code: 1",
       false},
      {{process, false, false, false, exited(3), ""}, "Failed", "Failed", "AlgorithmError: , exit code: 3", false},
      {{train, true, true, false, exited(143, 15), ""}, "Stopped", "Stopped", "", true},
      {{process, false, true, false, exited(143, 15), ""}, "Stopped", "Stopped", "", false},
      {{train, true, false, true, exited(143, 15), ""}, "Stopped", "MaxRuntimeExceeded", "", true},
      {{train, true, false, true, exited(0), ""}, "Completed", "Completed", "", true},
  };
  for (const auto& c : cases) {
    const Outcome outcome = outcome_of(c.ending);
    EXPECT_EQ(outcome.status, c.status);
    EXPECT_EQ(outcome.secondary_status, c.secondary);
    EXPECT_EQ(outcome.failure_reason, c.reason);
    EXPECT_EQ(outcome.upload, c.upload);
  }
  EXPECT_TRUE(outcome_of({train, true, false, false, lost(), ""}).failure_reason.starts_with("InternalServerError"));
}

TEST(Outcome, CutsTheReasonBetweenCharacters) {
  std::string text(1023, 'a');
  text += "ä";  // two bytes: the second would be the 1025th
  EXPECT_EQ(cut_reason(text), std::string(1023, 'a'));
  EXPECT_EQ(cut_reason("short"), "short");
}

TEST(SecondaryStatus, ClosesTheOpenTransition) {
  Value body = Value::object();
  set_secondary_status(body, "Starting", from_epoch_ms(1'000));
  set_secondary_status(body, "Downloading", from_epoch_ms(2'500));
  set_secondary_status(body, "Downloading", from_epoch_ms(2'600));  // twice says nothing new
  set_secondary_status(body, "Completed", from_epoch_ms(4'000));
  const auto& transitions = body["SecondaryStatusTransitions"].as_array();
  ASSERT_EQ(transitions.size(), 3u);
  EXPECT_EQ(transitions[0]["EndTime"].as_double(), 2.5);
  EXPECT_EQ(transitions[1]["StartTime"].as_double(), 2.5);
  EXPECT_EQ(transitions[2]["EndTime"].as_double(), 4.0);
  EXPECT_EQ(body["SecondaryStatus"].as_string(), "Completed");
}

TEST(RequestStop, IsRefusedOnceTheJobIsOver) {
  Resource job;
  job.kind = Kind::training_job;
  job.status = "Completed";
  const auto refused = request_stop(job, from_epoch_ms(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "ValidationException");
  EXPECT_EQ(refused.error().message, "The request was rejected because the training job is in status Completed.");
  job.status = "InProgress";
  ASSERT_TRUE(request_stop(job, from_epoch_ms(1)));
  EXPECT_EQ(job.body["TrainingJobStatus"].as_string(), "Stopping");
  EXPECT_TRUE(job.state["stop"].as_bool());
  EXPECT_TRUE(request_stop(job, from_epoch_ms(2)));  // asking twice is no error
}

}  // namespace
}  // namespace millrace::sagemaker
