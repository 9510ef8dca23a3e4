#include "sagemaker/jobs/tuning_plan.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

Resource tuning_job(int limit, int parallel) {
  Resource job;
  job.kind = Kind::tuning_job;
  job.name = "tune";
  job.arn = "arn:aws:sagemaker:us-east-1:1:hyper-parameter-tuning-job/tune";
  job.body = *parse_json(R"({"HyperParameterTuningJobConfig": {
      "Strategy": "Random",
      "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "test:msd"},
      "ResourceLimits": {},
      "ParameterRanges": {"IntegerParameterRanges": [{"Name": "size", "MinValue": "500", "MaxValue": "600"}],
                          "CategoricalParameterRanges": [{"Name": "init", "Values": ["random", "kmeans++"]}]}}})");
  Value& limits = job.body.child("HyperParameterTuningJobConfig").child("ResourceLimits");
  limits.set("MaxNumberOfTrainingJobs", limit).set("MaxParallelTrainingJobs", parallel);
  return job;
}

Resource trial(const std::string& name, const std::string& status, double value = -1) {
  Resource t;
  t.kind = Kind::training_job;
  t.name = name;
  t.status = status;
  t.state.set("tuned", Value::object({{"size", "512"}, {"init", "random"}}));
  if (value >= 0) {
    t.body.set("FinalMetricDataList", Value::array({Value::object({{"MetricName", "test:msd"}, {"Value", value}})}));
  }
  return t;
}

TEST(TuningPlan, KeepsAsManyUnderWayAsAllowed) {
  const auto job = tuning_job(3, 2);
  EXPECT_EQ(plan_tuning(job, {}).launch, 2u);
  EXPECT_EQ(plan_tuning(job, {trial("a", "InProgress"), trial("b", "InProgress")}).launch, 0u);
  EXPECT_EQ(plan_tuning(job, {trial("a", "Completed", 40), trial("b", "InProgress")}).launch, 1u);
  const auto last =
      plan_tuning(job, {trial("a", "Completed", 40), trial("b", "Completed", 39), trial("c", "InProgress")});
  EXPECT_EQ(last.launch, 0u);
  EXPECT_EQ(last.final_status, "");
}

TEST(TuningPlan, EndsWhenNothingBetterComes) {
  auto job = tuning_job(9, 1);
  job.body.child("HyperParameterTuningJobConfig")
      .child("TuningJobCompletionCriteria")
      .child("BestObjectiveNotImproving")
      .set("MaxNumberOfTrainingJobsNotImproving", 2);
  std::vector<Resource> trials{trial("a", "Completed", 40), trial("b", "Completed", 39), trial("c", "Failed")};
  EXPECT_EQ(plan_tuning(job, trials).launch, 1u);
  trials.push_back(trial("d", "Completed", 39));
  const auto plan = plan_tuning(job, trials);
  EXPECT_EQ(plan.final_status, "Completed");
  EXPECT_EQ(plan.members["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"].int_or(0), 2);
}

// Its training jobs end first: a tuning job that has ended has none under way.
TEST(TuningPlan, AFaultOfOursStopsItsTrainingJobs) {
  auto job = tuning_job(9, 2);
  job.state.set("fault", "InternalServerError: the disk is gone");
  const auto stopping = plan_tuning(job, {trial("a", "InProgress"), trial("b", "Completed", 39)});
  EXPECT_TRUE(stopping.stop_trials);
  EXPECT_EQ(stopping.final_status, "");
  const auto ended = plan_tuning(job, {trial("a", "Stopped"), trial("b", "Completed", 39)});
  EXPECT_EQ(ended.final_status, "Failed");
  EXPECT_EQ(ended.failure_reason, "InternalServerError: the disk is gone");
}

TEST(TuningPlan, NamesTheBest) {
  auto job = tuning_job(3, 2);
  const std::vector<Resource> trials{trial("a", "Completed", 40), trial("b", "Completed", 39), trial("c", "Failed")};
  auto plan = plan_tuning(job, trials);
  EXPECT_EQ(plan.final_status, "Completed");
  EXPECT_EQ(plan.members["BestTrainingJob"]["TrainingJobName"].as_string(), "b");
  EXPECT_EQ(plan.members["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"].as_double(), 39);
  EXPECT_EQ(plan.members["TrainingJobStatusCounters"]["NonRetryableError"].as_int(), 1);
  EXPECT_EQ(plan.members["ObjectiveStatusCounters"]["Succeeded"].as_int(), 2);
  job.body.child("HyperParameterTuningJobConfig").child("HyperParameterTuningJobObjective").set("Type", "Maximize");
  EXPECT_EQ(plan_tuning(job, trials).members["BestTrainingJob"]["TrainingJobName"].as_string(), "a");
}

TEST(TuningPlan, FailsWhenNothingSucceeds) {
  const auto all = plan_tuning(tuning_job(2, 1), {trial("a", "Failed"), trial("b", "Completed")});
  EXPECT_EQ(all.final_status, "Failed");
  EXPECT_TRUE(all.failure_reason.starts_with("All training jobs failed."));
  const std::vector<Resource> five{trial("a", "Failed"), trial("b", "Failed"), trial("c", "Failed"),
                                   trial("d", "Failed"), trial("e", "Failed")};
  const auto early = plan_tuning(tuning_job(50, 1), five);
  EXPECT_EQ(early.launch, 0u);
  EXPECT_EQ(early.final_status, "Failed");
  EXPECT_TRUE(early.failure_reason.starts_with("No training job succeeded after 5 attempts."));
}

TEST(TuningPlan, StopsItsTrialsFirst) {
  auto job = tuning_job(5, 2);
  job.state.set("stop", true);
  const auto first = plan_tuning(job, {trial("a", "Completed", 40), trial("b", "Stopping")});
  EXPECT_TRUE(first.stop_trials);
  EXPECT_EQ(first.launch, 0u);
  EXPECT_EQ(first.final_status, "");
  EXPECT_EQ(plan_tuning(job, {trial("a", "Completed", 40), trial("b", "Stopped")}).final_status, "Stopped");
}

TEST(TuningPlan, EndsAtTheTarget) {
  auto job = tuning_job(50, 1);
  job.body.child("HyperParameterTuningJobConfig")
      .set("TuningJobCompletionCriteria", Value::object({{"TargetObjectiveMetricValue", 39.5}}));
  EXPECT_EQ(plan_tuning(job, {trial("a", "Completed", 39.6)}).launch, 1u);
  EXPECT_EQ(plan_tuning(job, {trial("a", "Completed", 39.4)}).final_status, "Completed");
}

TEST(TuningPlan, AsksTheOptimiserWithAllTrials) {
  auto job = tuning_job(5, 2);
  job.state.set("seed", 7);
  const auto request =
      tuning_request(job, {trial("a", "Completed", 40), trial("b", "InProgress"), trial("c", "Failed")});
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->minimise);
  EXPECT_EQ(request->seed, 7u);
  EXPECT_EQ(request->ranges.size(), 2u);
  ASSERT_EQ(request->finished.size(), 1u);
  EXPECT_EQ(request->finished[0].objective, 40);
  EXPECT_EQ(request->pending.size(), 1u);
  EXPECT_EQ(request->failed.size(), 1u);
}

TEST(TuningPlan, TrialNamesAreFixed) {
  const auto job = tuning_job(3, 2);
  EXPECT_EQ(trial_name(job, 1), trial_name(job, 1));
  EXPECT_NE(trial_name(job, 1), trial_name(job, 2));
  EXPECT_TRUE(trial_name(job, 12).starts_with("tune-012-"));
  EXPECT_EQ(trial_name(job, 12).size(), std::string("tune-012-12345678").size());
}

}  // namespace
}  // namespace millrace::sagemaker
