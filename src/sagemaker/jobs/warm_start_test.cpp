#include "sagemaker/jobs/warm_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "sagemaker/jobs/tuning_plan.h"

namespace millrace::sagemaker {
namespace {

using testing::HasSubstr;

Resource tuning_job(const std::string& name, const std::string& status) {
  Resource job;
  job.kind = Kind::tuning_job;
  job.name = name;
  job.status = status;
  job.body = *parse_json(R"({"HyperParameterTuningJobConfig": {
      "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
      "ParameterRanges": {"IntegerParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "10"}]}},
    "TrainingJobDefinition": {"StaticHyperParameters": {"y": "1", "_tuning_objective_metric": "loss"},
      "AlgorithmSpecification": {"TrainingImage": "own:1"}, "InputDataConfig": []}})");
  return job;
}

Resource trial(const std::string& name, const std::string& x, double loss) {
  Resource made;
  made.kind = Kind::training_job;
  made.name = name;
  made.status = "Completed";
  made.body.set("HyperParameters", Value::object({{"x", x}, {"y", "1"}, {"_tuning_objective_metric", "loss"}}));
  made.body.set("FinalMetricDataList", Value::array({Value::object({{"MetricName", "loss"}, {"Value", loss}})}));
  made.state.set("tuned", Value::object({{"x", x}}));
  return made;
}

Value request(std::string_view type) {
  Value asked = tuning_job("new", "").body;
  asked.set("WarmStartConfig", Value::object({{"WarmStartType", type}}));
  return asked;
}

TEST(WarmStart, TakesEndedParentsOfTheSameObjective) {
  const auto refusal = [](const Value& asked, const Resource& parent) {
    const Status checked = check_parents(asked, {{parent, {}}});
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(refusal(request("TransferLearning"), tuning_job("old", "Completed")), "");
  EXPECT_EQ(refusal(request("IdenticalDataAndAlgorithm"), tuning_job("old", "Stopped")), "");
  EXPECT_THAT(refusal(request("TransferLearning"), tuning_job("old", "InProgress")), HasSubstr("must have ended"));
  Resource other = tuning_job("old", "Completed");
  other.body.child("HyperParameterTuningJobConfig")
      .child("HyperParameterTuningJobObjective")
      .set("MetricName", "accuracy");
  EXPECT_THAT(refusal(request("TransferLearning"), other), HasSubstr("objective metric"));
  other = tuning_job("old", "Completed");
  other.body.child("TrainingJobDefinition").child("AlgorithmSpecification").set("TrainingImage", "own:2");
  EXPECT_EQ(refusal(request("TransferLearning"), other), "");
  EXPECT_THAT(refusal(request("IdenticalDataAndAlgorithm"), other), HasSubstr("training image"));
  other = tuning_job("old", "Completed");
  other.body.child("TrainingJobDefinition").child("StaticHyperParameters").set("z", "1");
  EXPECT_THAT(refusal(request("TransferLearning"), other), HasSubstr("number of hyperparameters"));
  EXPECT_FALSE(check_parents(request("TransferLearning"), {}));
}

TEST(WarmStart, InheritsWhatLiesInTheRanges) {
  const Parent parent{tuning_job("old", "Completed"),
                      {trial("a", "3", 0.5), trial("b", "7", 0.25), trial("c", "700", 0.1)}};
  const Value inherited = inherited_of({parent});
  EXPECT_EQ(inherited["trials"].size(), 3u);
  EXPECT_EQ(inherited["best"]["TuningJobName"].string_or(), "old");
  EXPECT_EQ(inherited["best"]["TrainingJobName"].string_or(), "c");
  Resource job = tuning_job("new", "InProgress");
  job.state.set("inherited", inherited);
  const auto asked = tuning_request(job, {});
  ASSERT_TRUE(asked);
  ASSERT_EQ(asked->finished.size(), 2u);
  EXPECT_EQ(asked->finished[1].objective, 0.25);
  EXPECT_EQ(asked->finished[1].parameters.front().second, "7");

  job.body.set("WarmStartConfig", Value::object({{"WarmStartType", "IdenticalDataAndAlgorithm"}}));
  const auto overall = [&](std::vector<Resource> trials) {
    return plan_tuning(job, trials).members["OverallBestTrainingJob"]["TrainingJobName"].string_or();
  };
  EXPECT_EQ(overall({trial("d", "4", 0.3)}), "c");
  EXPECT_EQ(overall({trial("d", "4", 0.05)}), "d");
}

}  // namespace
}  // namespace millrace::sagemaker
