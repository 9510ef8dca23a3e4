#include "components/dry_run.h"

#include <gtest/gtest.h>

#include "components/component.h"

namespace millrace::components {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kRole = "arn:aws:iam::123456789012:role/r";

std::vector<std::string> operations(const DryRun& run) {
  std::vector<std::string> names;
  for (const DryCall& call : run.calls) {
    if (names.empty() || names.back() != call.operation) names.push_back(call.operation);
  }
  return names;
}

Result<DryRun> run(const std::string& component, Words words, Made& made) {
  Words command = {"millrace", "component", component, "--region", "us-east-1"};
  command.insert(command.end(), words.begin(), words.end());
  return dry_run(command, SystemClock(), made);
}

TEST(DryRun, FindsTheCallsOfCustomResources) {
  Made made;
  const auto model = run("Modelv2", {"--model_name", "m", "--execution_role_arn", kRole}, made);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(operations(*model), (Words{"DescribeModel", "CreateModel", "DescribeModel"}));
  EXPECT_EQ(model->outputs["sagemaker_resource_name"].string_or(), "m");
  EXPECT_EQ(made.count({"Model", "m"}), 1u);

  const auto schedule =
      run("MonitoringSchedule", {"--monitoring_schedule_name", "s", "--monitoring_schedule_config", "{}"}, made);
  EXPECT_FALSE(schedule);  // the configuration is required
  const auto endpoint = run("Endpoint", {"--endpoint_name", "e", "--endpoint_config_name", "c"}, made);
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_EQ(endpoint->outputs["endpoint_status"].string_or(), "InService");
}

TEST(DryRun, FindsTheCallsOfATuningJob) {
  Made made;
  const char* channels =
      R"([{"ChannelName":"train","DataSource":{"S3DataSource":{"S3DataType":"S3Prefix","S3Uri":"s3://b/in"}}}])";
  const auto tuned = run("hyperparameter_tuning",
                         {"--role", kRole, "--algorithm_name", "kmeans", "--metric_name", "m", "--metric_type",
                          "Minimize", "--channels", channels, "--output_location", "s3://o", "--max_num_jobs", "2",
                          "--max_parallel_jobs", "1", "--static_parameters", R"({"k":"10"})"},
                         made);
  ASSERT_TRUE(tuned) << tuned.error().message;
  EXPECT_EQ(operations(*tuned),
            (Words{"CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob", "DescribeTrainingJob"}));
  EXPECT_EQ(tuned->outputs["best_hyperparameters"]["k"].string_or(), "10");
}

TEST(DryRun, FindsTheCallsOfSimulations) {
  Made made;
  const auto simulated = run("simulation_job",
                             {"--role", kRole, "--output_bucket", "bucket", "--output_path", "p", "--max_run", "300",
                              "--sim_app_arn", "arn:aws:robomaker:us-east-1:123456789012:simulation-application/a/1",
                              "--sim_app_launch_config", R"({"packageName":"p","launchFile":"f"})"},
                             made);
  ASSERT_TRUE(simulated) << simulated.error().message;
  EXPECT_EQ(operations(*simulated), (Words{"CreateSimulationJob", "DescribeSimulationJob"}));
  EXPECT_EQ(simulated->calls[0].service, "robomaker");
}

}  // namespace
}  // namespace millrace::components
