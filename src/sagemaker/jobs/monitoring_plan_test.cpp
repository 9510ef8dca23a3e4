#include "sagemaker/jobs/monitoring_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/core.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

Time at(std::string_view text) { return *parse_rfc3339(text); }

std::string next(std::string_view expression, std::string_view after) {
  const auto times = parse_schedule_expression(expression);
  return times ? format_rfc3339(next_execution(*times, at(after))) : times.error().message;
}

TEST(MonitoringPlan, ExecutionsAreDueAtFullHoursAsTheExpressionSays) {
  EXPECT_EQ(next("cron(0 * ? * * *)", "2026-01-02T03:04:05Z"), "2026-01-02T04:00:00Z");
  EXPECT_EQ(next("cron(0 * ? * * *)", "2026-01-02T03:00:00Z"), "2026-01-02T04:00:00Z");
  EXPECT_EQ(next("cron(0 17 ? * * *)", "2026-01-02T17:00:00Z"), "2026-01-03T17:00:00Z");
  EXPECT_EQ(next("cron(0 0 ? * * *)", "2026-12-31T23:59:59Z"), "2027-01-01T00:00:00Z");
  EXPECT_EQ(next("cron(0 17/6 ? * * *)", "2026-01-02T18:00:00Z"), "2026-01-02T23:00:00Z");
  EXPECT_EQ(next("cron(0 17/6 ? * * *)", "2026-01-02T23:30:00Z"), "2026-01-03T17:00:00Z");
  EXPECT_EQ(next("cron(0 00/24 ? * * *)", "2026-01-02T00:30:00Z"), "2026-01-03T00:00:00Z");
}

TEST(MonitoringPlan, OtherExpressionsAreRefused) {
  for (const auto* expression :
       {"", "now", "rate(1 hour)", "cron()", "cron(0 * ? * *)", "cron(5 * ? * * *)", "cron(0 24 ? * * *)",
        "cron(0 -1 ? * * *)", "cron(0 1/0 ? * * *)", "cron(0 1/25 ? * * *)", "cron(0 1-5 ? * * *)",
        "cron(0 * ? * MON *)", "cron(0 1/ ? * * *)", "cron(0 99999999999999999999 ? * * *)", "cron(0 * ? * * *"}) {
    EXPECT_FALSE(parse_schedule_expression(expression)) << expression;
  }
}

TEST(MonitoringPlan, OffsetsAreDurationsOfDaysHoursAndMinutes) {
  EXPECT_EQ(*parse_offset("-PT1H"), -std::chrono::hours(1));
  EXPECT_EQ(*parse_offset("PT0H"), Millis(0));
  EXPECT_EQ(*parse_offset("-P1DT2H30M"), -(std::chrono::days(1) + std::chrono::hours(2) + std::chrono::minutes(30)));
  for (const auto* text : {"", "-", "P", "1H", "PT1", "PTH", "P1H", "PT1D", "PT1X", "--PT1H", "PT-1H", "PT999999H"}) {
    EXPECT_FALSE(parse_offset(text)) << text;
  }
}

TEST(MonitoringPlan, AnExecutionLooksAtTheHoursSinceTheOneBefore) {
  const Time due = at("2026-01-02T06:00:00Z");
  const auto hours = [&](const char* config, const char* input = "{}") {
    const auto found = monitored_hours(*parse_json(config), *parse_json(input), due);
    return found ? fmt::format("{} from {}", found->size(), format_rfc3339(found->front()).substr(11, 5))
                 : found.error().message;
  };
  EXPECT_EQ(hours(R"j({"ScheduleExpression": "cron(0 * ? * * *)"
})j"),
            "1 from 05:00");
  EXPECT_EQ(hours(R"j({"ScheduleExpression": "cron(0 0/6 ? * * *)"
})j"),
            "6 from 00:00");
  EXPECT_EQ(hours(R"j({"ScheduleExpression": "cron(0 6 ? * * *)"
})j"),
            "24 from 06:00");
  EXPECT_EQ(
      hours(R"j({"ScheduleExpression": "NOW", "DataAnalysisStartTime": "-PT3H", "DataAnalysisEndTime": "-PT1H"})j"),
      "2 from 03:00");
  EXPECT_EQ(hours(R"j({"ScheduleExpression": "cron(0 * ? * * *)"
  })j",
                  R"j({"StartTimeOffset": "-PT2H", "EndTimeOffset": "-PT1H"})j"),
            "1 from 04:00");
  EXPECT_THAT(hours(R"j({"ScheduleExpression": "NOW", "DataAnalysisStartTime": "-P8D"})j"),
              testing::HasSubstr("no more than 168 hours"));
  EXPECT_THAT(hours(R"j({"ScheduleExpression": "NOW", "DataAnalysisStartTime": "PT0H"})j"),
              testing::HasSubstr("an hour or more"));
}

TEST(MonitoringPlan, TheJobHasTheHoursThatHoldDataTheBaselineAndAnOutputOfItsOwn) {
  const Value definition = monitoring_definition(Kind::data_quality_job_definition, *parse_json(R"({
      "DataQualityAppSpecification": {"ImageUri": "image", "ContainerArguments": ["a"], "Environment": {"MINE": "1"},
                                      "RecordPreprocessorSourceUri": "s3://b/code/before.py"},
      "DataQualityBaselineConfig": {"ConstraintsResource": {"S3Uri": "s3://b/base/constraints.json"}},
      "DataQualityJobInput": {"EndpointInput": {"EndpointName": "e", "LocalPath": "/opt/ml/processing/input"}},
      "DataQualityJobOutputConfig": {"MonitoringOutputs": [{"S3Output": {"S3Uri": "s3://b/reports/",
          "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "Continuous"}}]},
      "JobResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}},
      "RoleArn": "role", "StoppingCondition": {"MaxRuntimeInSeconds": 60}})"));
  MonitoringExecution execution{"s", "arn:s", at("2026-01-02T06:00:00Z"), {at("2026-01-02T05:00:00Z")}, {}, "s3://b/c"};
  execution.captured = {captured_in("s3://b/c", "e", "v", execution.hours[0])};
  const Value job = monitoring_job(execution, definition);
  EXPECT_THAT(job["ProcessingJobName"].string_or(),
              testing::MatchesRegex("model-monitoring-202601020600-[0-9a-f]{24}"));
  EXPECT_EQ(job, monitoring_job(execution, definition)) << "made twice, it is the same";
  const auto& inputs = job["ProcessingInputs"].items();
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[0]["S3Input"]["S3Uri"].string_or(), "s3://b/c/e/v/2026/01/02/05/");
  EXPECT_EQ(inputs[0]["S3Input"]["LocalPath"].string_or(), "/opt/ml/processing/input/endpoint/e/v/2026/01/02/05");
  const Value& environment = job["Environment"];
  EXPECT_EQ(environment["baseline_constraints"].string_or(),
            "/opt/ml/processing/baseline/constraints/constraints.json");
  EXPECT_EQ(environment["record_preprocessor_script"].string_or(), "/opt/ml/processing/code/preprocessing/before.py");
  EXPECT_EQ(environment["MINE"].string_or(), "1");
  EXPECT_EQ(environment["end_time"].string_or(), "2026-01-02T06:00:00Z");
  const Value& output = job["ProcessingOutputConfig"]["Outputs"].items().front()["S3Output"];
  EXPECT_EQ(output["S3Uri"].string_or(), "s3://b/reports/e/s/2026/01/02/06");
  EXPECT_EQ(environment["output_path"], output["LocalPath"]);
}

}  // namespace
}  // namespace millrace::sagemaker
