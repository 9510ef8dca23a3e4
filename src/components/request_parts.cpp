#include "components/request_parts.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "components/log_lines.h"
#include "components/training_image.h"

namespace millrace::components {
namespace {

constexpr std::int64_t kDefaultSeconds = 86400;

Status add_stopping_and_spot(Value& target, const Arguments& arguments) {
  const std::int64_t max_run = arguments.given("max_run_time") ? arguments.integer("max_run_time") : kDefaultSeconds;
  Value stopping = Value::object({{"MaxRuntimeInSeconds", max_run}});
  const bool spot = arguments.flag("spot_instance");
  if (spot) {
    if (arguments.integer("max_wait_time") < max_run) {
      return fail(Code::invalid_argument, "Max wait time must be greater than or equal to max run time.");
    }
    if (!arguments.inputs["checkpoint_config"].has("S3Uri")) {
      return fail(Code::invalid_argument, "EnableManagedSpotTraining requires checkpoint config with an S3 uri.");
    }
    stopping.set("MaxWaitTimeInSeconds", arguments.integer("max_wait_time"));
    target.set("CheckpointConfig", arguments.inputs["checkpoint_config"]);
  }
  target.set("StoppingCondition", std::move(stopping));
  target.set("EnableManagedSpotTraining", spot);
  return {};
}

Result<Value> algorithm_specification(const Arguments& arguments) {
  Value algorithm = Value::object({{"TrainingInputMode", arguments.text("training_input_mode")}});
  const std::string image = arguments.text("image");
  const std::string name = arguments.text("algorithm_name");
  if (image.empty() && name.empty()) {
    return fail(Code::invalid_argument, "Please specify training image or algorithm name.");
  }
  if (!image.empty()) {
    if (!name.empty()) {
      log_error("Both image and algorithm name inputted, only one should be specified. Proceeding with image.");
    }
    algorithm.set("TrainingImage", image);
  } else if (const auto built_in = built_in_algorithm(name)) {
    algorithm.set("TrainingImage", MR_TRY(training_image(*built_in, arguments.text("region"))));
    log_warning("Algorithm name is found as an Amazon built-in algorithm. Using built-in algorithm.");
  } else {
    algorithm.set("AlgorithmName", name);
  }
  if (arguments.given("metric_definitions")) {
    Value metrics = Value::array();
    for (const auto& [metric, regex] : arguments.inputs["metric_definitions"].members()) {
      metrics.push(Value::object({{"Name", metric}, {"Regex", regex}}));
    }
    algorithm.set("MetricDefinitions", std::move(metrics));
  }
  return algorithm;
}

}  // namespace

Value comma_list(const std::string& text) {
  Value list = Value::array();
  for (const std::string_view part : split(text, ',')) list.push(part);
  return list;
}

Result<Value> tag_list(const Arguments& arguments, std::string_view name) {
  const Value tags = MR_TRY(object_of(arguments, name));
  Value list = Value::array();
  for (const auto& [key, value] : tags.members()) list.push(Value::object({{"Key", key}, {"Value", value}}));
  return list;
}

void add_vpc(Value& target, const Arguments& arguments) {
  if (!arguments.given("vpc_security_group_ids") || !arguments.given("vpc_subnets")) return;
  target.set("VpcConfig", Value::object({{"SecurityGroupIds", comma_list(arguments.text("vpc_security_group_ids"))},
                                         {"Subnets", comma_list(arguments.text("vpc_subnets"))}}));
}

Status add_training(Value& target, const Arguments& arguments, std::string_view output_argument) {
  const auto at_least_one = [&](const char* name) { return arguments.given(name) ? arguments.integer(name) : 1; };
  target.set("AlgorithmSpecification", MR_TRY(algorithm_specification(arguments)));
  target.set("RoleArn", arguments.text("role"));
  if (!arguments.given("channels")) {
    return fail(Code::invalid_argument, "Must specify at least one input channel.");
  }
  target.set("InputDataConfig", arguments.inputs["channels"]);
  target.set("OutputDataConfig", Value::object({{"KmsKeyId", arguments.text("output_encryption_key")},
                                                {"S3OutputPath", arguments.text(output_argument)}}));
  target.set("ResourceConfig", Value::object({{"InstanceType", arguments.text("instance_type")},
                                              {"InstanceCount", at_least_one("instance_count")},
                                              {"VolumeSizeInGB", at_least_one("volume_size")},
                                              {"VolumeKmsKeyId", arguments.text("resource_encryption_key")}}));
  add_vpc(target, arguments);
  target.set("EnableNetworkIsolation", arguments.flag("network_isolation"));
  target.set("EnableInterContainerTrafficEncryption", arguments.flag("traffic_encryption"));
  return add_stopping_and_spot(target, arguments);
}

Result<Value> checked_hyperparameters(const Arguments& arguments, std::string_view argument) {
  Value hyperparameters = MR_TRY(object_of(arguments, argument));
  for (const auto& [name, value] : hyperparameters.members()) {
    if (!value.is_string()) {
      return fail(Code::invalid_argument,
                  fmt::format("Could not parse hyperparameters. Value for {} was not a string.", name));
    }
  }
  return hyperparameters;
}

std::string console_url(const Arguments& arguments, std::string_view service, std::string_view fragment) {
  const std::string region = arguments.text("region");
  return fmt::format("https://{0}.console.aws.amazon.com/{1}/home?region={0}#{2}", region, service, fragment);
}

void announce_training_job(const Arguments& arguments, const std::string& job_name) {
  log_info("Created Training Job with name: " + job_name);
  log_info("Training job in SageMaker: " + console_url(arguments, "sagemaker", "/jobs/" + job_name));
  log_cloudwatch_url(arguments, "/aws/sagemaker/TrainingJobs", job_name);
}

void log_cloudwatch_url(const Arguments& arguments, std::string_view group, std::string_view prefix) {
  log_info("CloudWatch logs: " +
           console_url(arguments, "cloudwatch",
                       fmt::format("logStream:group={};prefix={};streamFilter=typeLogStreamPrefix", group, prefix)));
}

}  // namespace millrace::components
