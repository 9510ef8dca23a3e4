// CreateTrainingJob for a script of reinforcement learning, as the SageMaker Python SDK's RLEstimator asks for it.

#include <fmt/core.h>

#include "base/json.h"
#include "base/python_text.h"
#include "base/strings.h"
#include "components/common_arguments.h"
#include "components/debug_rules.h"
#include "components/job.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/request_parts.h"
#include "components/rl_images.h"

namespace millrace::components {
namespace {

constexpr JobKind kKind{"TrainingJob", "RLEstimatorJob", "/aws/sagemaker/TrainingJobs"};
constexpr std::string_view kToolkits = "coach|ray|", kFrameworks = "tensorflow|mxnet|pytorch|";
constexpr int kVolumeSize = 30;  // volume_size is an argument that the published component ignores
constexpr std::string_view kContainerLogLevel = "20";  // Python's INFO

// tags, max_run_time and checkpoint_config are arguments that the published component ignores as well.
constexpr auto kArguments =
    argument_table(kCommonArguments, kSpotArguments,
                   std::array{
                       ArgumentSpec{"job_name", ArgumentType::string},
                       ArgumentSpec{"role", ArgumentType::string, "", true},
                       ArgumentSpec{"image", ArgumentType::string, kNone},
                       ArgumentSpec{"entry_point", ArgumentType::string, "", true},
                       ArgumentSpec{"source_dir", ArgumentType::string},
                       ArgumentSpec{"toolkit", ArgumentType::string, "", false, kToolkits},
                       ArgumentSpec{"toolkit_version", ArgumentType::string, kNone},
                       ArgumentSpec{"framework", ArgumentType::string, "", false, kFrameworks},
                       ArgumentSpec{"metric_definitions", ArgumentType::array, "[]"},
                       ArgumentSpec{"training_input_mode", ArgumentType::string, "File", false, "File|Pipe"},
                       ArgumentSpec{"hyperparameters", ArgumentType::object, "{}"},
                       ArgumentSpec{"instance_type", ArgumentType::string, "ml.m4.xlarge"},
                       ArgumentSpec{"instance_count", ArgumentType::integer, "1"},
                       ArgumentSpec{"volume_size", ArgumentType::integer, "30", true},
                       ArgumentSpec{"max_run", ArgumentType::integer, "86400"},
                       ArgumentSpec{"model_artifact_path", ArgumentType::string, "", true},
                       ArgumentSpec{"vpc_security_group_ids", ArgumentType::array, "[]"},
                       ArgumentSpec{"vpc_subnets", ArgumentType::array, "[]"},
                       ArgumentSpec{"network_isolation", ArgumentType::boolean, "False"},
                       ArgumentSpec{"traffic_encryption", ArgumentType::boolean, "False"},
                       ArgumentSpec{"debug_hook_config", ArgumentType::object, "{}"},
                       ArgumentSpec{"debug_rule_config", ArgumentType::array, "[]"},
                   });
constexpr std::string_view kOutputs[] = {"model_artifact_url", "job_name", "training_image"};

constexpr std::string_view kNumber = "[-+]?[0-9]*[.]?[0-9]+([eE][-+]?[0-9]+)?";

Value metric(std::string_view name, const std::string& regex) {
  return Value::object({{"Name", name}, {"Regex", regex}});
}

// What the SDK looks for in a toolkit's log.
Value preset_metrics(const std::string& toolkit) {
  if (toolkit == "coach") {
    return Value::array({metric("reward-training", "^Training>.*Total reward=(.*?),"),
                         metric("reward-testing", "^Testing>.*Total reward=(.*?),")});
  }
  return Value::array({metric("episode_reward_mean", fmt::format("episode_reward_mean: ({})", kNumber)),
                       metric("episode_reward_max", fmt::format("episode_reward_max: ({})", kNumber))});
}

Result<Value> algorithm(const Arguments& a) {
  Value algorithm = Value::object({{"TrainingInputMode", a.text("training_input_mode")}});
  const Value metrics = MR_TRY(array_of(a, "metric_definitions"));
  if (a.given("image")) return algorithm.set("TrainingImage", a.text("image")).set("MetricDefinitions", metrics);
  std::vector<std::string> missing;
  for (const char* name : {"toolkit", "toolkit_version", "framework"}) {
    if (!a.given(name)) missing.emplace_back(name);
  }
  if (!missing.empty()) {
    return fail(Code::invalid_argument,
                fmt::format("Please provide `{}` or `image_uri` parameter.", join(missing, "`, `")));
  }
  const std::string toolkit = a.text("toolkit"), version = a.text("toolkit_version"), framework = a.text("framework");
  algorithm.set("TrainingImage",
                MR_TRY(rl_image({toolkit, version, framework}, a.text("region"), a.text("instance_type"))));
  return algorithm.set("MetricDefinitions", metrics.empty() ? preset_metrics(toolkit) : metrics);
}

// The scripts come from an archive in S3. Without a network they come as a channel of the job.
struct Source {
  std::string directory;  // for the container
  Value channels;         // null: none
};

Result<Source> source(const Arguments& a) {
  const std::string address = a.text("source_dir");
  if (!address.starts_with("s3://")) {
    return fail(
        Code::invalid_argument,
        fmt::format("argument --source_dir: '{}' is not the S3 address of an archive with the scripts.", address));
  }
  if (!a.flag("network_isolation")) return Source{address, {}};
  constexpr std::string_view kCodeChannel = "code";
  const Value data =
      Value::object({{"S3DataType", "S3Prefix"}, {"S3Uri", address}, {"S3DataDistributionType", "FullyReplicated"}});
  const Value channel =
      Value::object({{"DataSource", Value::object({{"S3DataSource", data}})}, {"ChannelName", kCodeChannel}});
  return Source{fmt::format("/opt/ml/input/data/{}/sourcedir.tar.gz", kCodeChannel), Value::array({channel})};
}

// The SDK writes every hyperparameter as JSON, its own ones as well.
Result<Value> hyperparameters(const Arguments& a, const std::string& job_name, const std::string& directory) {
  Value all = Value::object();
  const auto add = [&](std::string_view name, const Value& value) { all.set(name, python_json(value)); };
  const Value given = MR_TRY(checked_hyperparameters(a, "hyperparameters"));
  for (const auto& [name, value] : given.members()) add(name, value);
  add("sagemaker_submit_directory", directory);
  add("sagemaker_program", a.inputs["entry_point"]);
  all.set("sagemaker_container_log_level", kContainerLogLevel);
  add("sagemaker_job_name", job_name);
  add("sagemaker_region", a.inputs["region"]);
  add("sagemaker_s3_output", a.inputs["model_artifact_path"]);
  add("sagemaker_estimator", "RLEstimator");
  return all;
}

class RlEstimator final : public Job {
 public:
  RlEstimator() : Job(kKind) {}
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    for (const char* name : {"debug_hook_config", "debug_rule_config"}) {
      if (a.given(name)) {
        return fail(Code::invalid_argument, fmt::format("argument --{}: the published component cannot use it.", name));
      }
    }
    Value request = Value::object({{"TrainingJobName", name()}});
    request.set("AlgorithmSpecification", MR_TRY(algorithm(a)));
    Source scripts = MR_TRY(source(a));
    request.set("HyperParameters", MR_TRY(hyperparameters(a, name(), scripts.directory)));
    request.set("RoleArn", a.text("role"));
    request.set_if(!scripts.channels.is_null(), "InputDataConfig", std::move(scripts.channels));
    const std::string output = a.text("model_artifact_path");
    request.set("OutputDataConfig", Value::object({{"S3OutputPath", output}}));
    request.set("ResourceConfig", Value::object({{"InstanceType", a.text("instance_type")},
                                                 {"InstanceCount", a.integer("instance_count")},
                                                 {"VolumeSizeInGB", kVolumeSize}}));
    add_limits(request, a);
    request.set("DebugHookConfig",
                Value::object({{"S3OutputPath", output}, {"CollectionConfigurations", Value::array()}}));
    request.set("ProfilerConfig", Value::object({{"S3OutputPath", output}, {"DisableProfiler", false}}));
    return request;
  }

  Result<Value> submit(Task& task, const Value& request) override {
    MR_TRY(Job::submit(task, request));
    return describe(task);
  }

  Status announce(Task& task, const Value&) override {
    announce_training_job(task.arguments, name());
    return {};
  }

  // A job that was stopped has ended well: its model so far is what was wanted.
  Result<JobStatus> status(Task& task) override {
    JobStatus status = MR_TRY(Job::status(task));
    if (status.raw != "Completed" && status.raw != "Stopped") return status;
    return debug_rule_status(MR_TRY(describe(task)));
  }

  Result<Value> results(Task& task) override { return training_results(task.session, name()); }

 private:
  static void add_limits(Value& request, const Arguments& a) {
    Value stopping = Value::object({{"MaxRuntimeInSeconds", a.integer("max_run")}});
    stopping.set_if(a.flag("spot_instance"), "MaxWaitTimeInSeconds", a.integer("max_wait_time"));
    request.set("StoppingCondition", std::move(stopping));
    if (a.given("vpc_subnets") && a.given("vpc_security_group_ids")) {
      request.set("VpcConfig", Value::object({{"Subnets", a.inputs["vpc_subnets"]},
                                              {"SecurityGroupIds", a.inputs["vpc_security_group_ids"]}}));
    }
    request.set_if(a.flag("network_isolation"), "EnableNetworkIsolation", true);
    request.set_if(a.flag("traffic_encryption"), "EnableInterContainerTrafficEncryption", true);
    request.set_if(a.flag("spot_instance"), "EnableManagedSpotTraining", true);
  }
};

}  // namespace

std::unique_ptr<Component> rlestimator_component() { return std::make_unique<RlEstimator>(); }

}  // namespace millrace::components
