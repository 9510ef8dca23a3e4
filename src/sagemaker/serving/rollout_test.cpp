#include "sagemaker/serving/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::sagemaker {
namespace {

using testing::HasSubstr;

Value config(std::string_view json) { return *parse_json(json); }

Value blue_green(std::string_view traffic, std::string_view rest = "") {
  return config("{\"BlueGreenUpdatePolicy\": {\"TrafficRoutingConfiguration\": {" + std::string(traffic) + "}" +
                std::string(rest) + "}}");
}

TEST(Rollout, MovesTheTrafficAsTheConfigurationSays) {
  struct Case {
    Value config;
    std::int64_t at;  // seconds
    double percent;
    std::int64_t until;  // -1: it is over
  };
  const Value all =
      blue_green(R"("Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 10)", R"(, "TerminationWaitInSeconds": 5)");
  const Value canary = blue_green(
      R"("Type": "CANARY", "WaitIntervalInSeconds": 10, "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20})");
  const Value linear = blue_green(
      R"("Type": "LINEAR", "WaitIntervalInSeconds": 10, "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 1})");
  const Value rolling = config(
      R"({"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 10}})");
  for (const auto& c : {Case{Value(), 0, 100, -1}, Case{all, 0, 100, 15}, Case{all, 14, 100, 1}, Case{all, 15, 100, -1},
                        Case{canary, 0, 20, 10}, Case{canary, 10, 100, 10}, Case{canary, 20, 100, -1},
                        Case{linear, 0, 25, 10}, Case{linear, 35, 100, 5}, Case{linear, 40, 100, -1},
                        Case{rolling, 9, 50, 1}, Case{rolling, 19, 100, 1}, Case{rolling, 20, 100, -1}}) {
    const Shift shift = shift_at(rollout_of(c.config, 4), std::chrono::seconds(c.at));
    EXPECT_EQ(shift.percent, c.percent) << to_json(c.config) << " at " << c.at;
    EXPECT_EQ(shift.until.value_or(Millis(-1'000)), std::chrono::seconds(c.until)) << to_json(c.config) << c.at;
  }
}

TEST(Rollout, WithoutWaitsEveryStepIsTakenAtOnce) {
  const Value linear = blue_green(
      R"("Type": "LINEAR", "WaitIntervalInSeconds": 0, "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 10})");
  EXPECT_FALSE(shift_at(rollout_of(linear, 1), Millis(0)).until);
}

TEST(Rollout, RefusesWhatSageMakerDoesAndAlarms) {
  struct Case {
    Value config;
    std::string_view says;
  };
  const std::string_view at_once = R"("Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300)";
  for (
      const auto& c : {
          Case{blue_green(R"("Type": "CANARY", "WaitIntervalInSeconds": 1)"), "CanarySize must be given"},
          Case{
              blue_green(
                  R"("Type": "CANARY", "WaitIntervalInSeconds": 1, "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 51})"),
              "from 1 to 50 percent"},
          Case{
              blue_green(
                  R"("Type": "LINEAR", "WaitIntervalInSeconds": 1, "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 5})"),
              "from 10 to 50 percent"},
          Case{blue_green(at_once, R"(, "TerminationWaitInSeconds": 300, "MaximumExecutionTimeoutInSeconds": 600)"),
               "must be larger than the sum"},
          Case{config(R"({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}})"), "no CloudWatch alarms"},
      }) {
    const auto checked = check_deployment_config(c.config);
    ASSERT_FALSE(checked) << to_json(c.config);
    EXPECT_EQ(checked.error().reason, "ValidationException");
    EXPECT_THAT(checked.error().message, HasSubstr(c.says));
  }
  EXPECT_TRUE(check_deployment_config(blue_green(at_once, R"(, "MaximumExecutionTimeoutInSeconds": 600)")));
  EXPECT_TRUE(check_deployment_config(Value()));
}

}  // namespace
}  // namespace millrace::sagemaker
