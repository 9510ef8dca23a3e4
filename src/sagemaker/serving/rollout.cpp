#include "sagemaker/serving/rollout.h"

#include <algorithm>

#include <fmt/core.h>

#include "sagemaker/errors.h"

namespace millrace::sagemaker {
namespace {

constexpr double kAll = 100;

Millis seconds_in(const Value& value) { return std::chrono::seconds(value.int_or(0)); }

// In per cent of `instances`.
double size_of(const Value& size, std::int64_t instances) {
  const double value = size["Value"].double_or(kAll);
  if (size["Type"].string_or() == "CAPACITY_PERCENT") return std::clamp(value, 1.0, kAll);
  return std::clamp(kAll * value / static_cast<double>(std::max<std::int64_t>(1, instances)), 1.0, kAll);
}

struct Bounds {
  std::string_view member;
  double least, most;  // per cent
};
Status check_size(const Value& size, const Bounds& bounds) {
  if (!size.is_object()) return validation_error(fmt::format("{} must be given with this Type.", bounds.member));
  const double value = size["Value"].double_or(0);
  if (size["Type"].string_or() != "CAPACITY_PERCENT" || (value >= bounds.least && value <= bounds.most)) return {};
  return validation_error(fmt::format("{} must be from {} to {} percent of the capacity, but is {}.", bounds.member,
                                      bounds.least, bounds.most, value));
}

Status check_traffic(const Value& traffic) {
  const std::string type = traffic["Type"].string_or();
  if (type == "CANARY") return check_size(traffic["CanarySize"], {"CanarySize", 1, 50});
  if (type == "LINEAR") return check_size(traffic["LinearStepSize"], {"LinearStepSize", 10, 50});
  return {};
}

Status check_limit(const Value& policy, Millis waits) {
  if (policy["MaximumExecutionTimeoutInSeconds"].is_null()) return {};
  if (seconds_in(policy["MaximumExecutionTimeoutInSeconds"]) > waits) return {};
  return validation_error(
      "MaximumExecutionTimeoutInSeconds must be larger than the sum of WaitIntervalInSeconds and "
      "TerminationWaitInSeconds.");
}

}  // namespace

Status check_deployment_config(const Value& config) {
  const Value &blue_green = config["BlueGreenUpdatePolicy"], &rolling = config["RollingUpdatePolicy"];
  if (!blue_green.is_null() && !rolling.is_null()) {
    return validation_error("BlueGreenUpdatePolicy and RollingUpdatePolicy cannot both be given.");
  }
  if (!config["AutoRollbackConfiguration"]["Alarms"].empty()) {
    return validation_error(
        "AutoRollbackConfiguration.Alarms is not supported: there are no CloudWatch alarms here; a deployment whose "
        "model servers keep failing is rolled back without them.");
  }
  if (!rolling.is_null()) {
    MR_TRY(check_size(rolling["MaximumBatchSize"], {"MaximumBatchSize", 5, 50}));
    return check_limit(rolling, seconds_in(rolling["WaitIntervalInSeconds"]));
  }
  const Value& traffic = blue_green["TrafficRoutingConfiguration"];
  MR_TRY(check_traffic(traffic));
  return check_limit(blue_green,
                     seconds_in(traffic["WaitIntervalInSeconds"]) + seconds_in(blue_green["TerminationWaitInSeconds"]));
}

Rollout rollout_of(const Value& config, std::int64_t instances) {
  Rollout rollout;
  if (const Value& rolling = config["RollingUpdatePolicy"]; !rolling.is_null()) {
    rollout.first = rollout.step = size_of(rolling["MaximumBatchSize"], instances);
    rollout.wait = seconds_in(rolling["WaitIntervalInSeconds"]);
    rollout.limit = seconds_in(rolling["MaximumExecutionTimeoutInSeconds"]);
    return rollout;
  }
  const Value& policy = config["BlueGreenUpdatePolicy"];
  const Value& traffic = policy["TrafficRoutingConfiguration"];
  const std::string type = traffic["Type"].string_or();
  if (type == "CANARY") rollout.first = size_of(traffic["CanarySize"], instances);
  if (type == "LINEAR") rollout.first = rollout.step = size_of(traffic["LinearStepSize"], instances);
  rollout.wait = seconds_in(traffic["WaitIntervalInSeconds"]);
  rollout.termination_wait = seconds_in(policy["TerminationWaitInSeconds"]);
  rollout.limit = seconds_in(policy["MaximumExecutionTimeoutInSeconds"]);
  return rollout;
}

Shift shift_at(const Rollout& rollout, Millis elapsed) {
  double percent = rollout.first;
  Millis end = rollout.wait;
  while (percent < kAll && elapsed >= end) {  // at most a hundred steps: each is one per cent or more
    percent += rollout.step;
    end += rollout.wait;
  }
  percent = std::min(percent, kAll);
  if (percent >= kAll) end += rollout.termination_wait;
  if (elapsed >= end) return {percent, std::nullopt};
  return {percent, end - elapsed};
}

}  // namespace millrace::sagemaker
