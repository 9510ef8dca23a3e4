// CreateTrainingJob: a model from data in S3.

#include "components/component.h"
#include "components/debug_rules.h"
#include "components/job_logs.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/names.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr std::string_view kLogGroup = "/aws/sagemaker/TrainingJobs";

constexpr ArgumentSpec kArguments[] = {
    {"spot_instance", ArgumentType::boolean, "False"},
    {"max_wait_time", ArgumentType::integer, "86400"},
    {"max_run_time", ArgumentType::integer, "86400"},
    {"checkpoint_config", ArgumentType::object, "{}"},
    {"region", ArgumentType::string, "", true},
    {"endpoint_url", ArgumentType::string},
    {"assume_role", ArgumentType::string},
    {"tags", ArgumentType::object, "{}"},
    {"job_name", ArgumentType::string},
    {"role", ArgumentType::string, "", true},
    {"image", ArgumentType::string},
    {"algorithm_name", ArgumentType::string},
    {"metric_definitions", ArgumentType::object, "{}"},
    {"training_input_mode", ArgumentType::string, "File", false, "File|Pipe"},
    {"hyperparameters", ArgumentType::object, "{}"},
    {"channels", ArgumentType::array, "", true},
    {"instance_type", ArgumentType::string, "ml.m4.xlarge"},
    {"instance_count", ArgumentType::integer, "1"},
    {"volume_size", ArgumentType::integer, "30"},
    {"resource_encryption_key", ArgumentType::string},
    {"model_artifact_path", ArgumentType::string, "", true},
    {"output_encryption_key", ArgumentType::string},
    {"vpc_security_group_ids", ArgumentType::string},
    {"vpc_subnets", ArgumentType::string},
    {"network_isolation", ArgumentType::boolean, "True"},
    {"traffic_encryption", ArgumentType::boolean, "False"},
    {"debug_hook_config", ArgumentType::object, "{}"},
    {"debug_rule_config", ArgumentType::array, "[]"},
};
constexpr std::string_view kOutputs[] = {"model_artifact_url", "job_name", "training_image"};

class Train final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Status prepare(Task& task) override {
    name_ = task.arguments.text("job_name");
    own_name_ = name_.empty();
    if (own_name_) name_ = generated_name("TrainingJob", task.clock);
    return {};
  }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"TrainingJobName", name_}});
    request.set("HyperParameters", MR_TRY(checked_hyperparameters(a.inputs["hyperparameters"])));
    MR_TRY(add_training(request, a, "model_artifact_path"));
    request.set_if(a.given("debug_hook_config"), "DebugHookConfig", a.inputs["debug_hook_config"]);
    request.set_if(a.given("debug_rule_config"), "DebugRuleConfigurations", a.inputs["debug_rule_config"]);
    request.set("Tags", tag_list(a.inputs["tags"]));
    return request;
  }

  Result<Value> submit(Task& task, const Value& request) override {
    return task.session.create({"CreateTrainingJob", "DescribeTrainingJob", "TrainingJobName", own_name_}, request);
  }

  void announce(Task& task, const Value&) override {
    log_info("Created Training Job with name: " + name_);
    log_info("Training job in SageMaker: " + console_url(task.arguments, "sagemaker", "/jobs/" + name_));
    log_cloudwatch_url(task.arguments, kLogGroup, name_);
  }

  // A job whose debug rules are still being evaluated is not done.
  Result<JobStatus> status(Task& task) override {
    JobStatus status = job_status(MR_TRY(describe(task)), "TrainingJobStatus");
    if (!status.is_completed || status.has_error) return status;
    return debug_rule_status(MR_TRY(describe(task)));
  }

  void print_logs(Task& task) override { print_job_logs(task.session, std::string(kLogGroup), name_); }

  Result<Value> results(Task& task) override {
    Value results = Value::object({{"job_name", name_}});
    results.set("model_artifact_url", MR_TRY(model_artifacts_of(task.session, name_)));
    results.set("training_image", MR_TRY(training_image_of(task.session, name_)));
    return results;
  }

  Result<bool> stop(Task& task) override {
    MR_TRY(task.session.sagemaker("StopTrainingJob", Value::object({{"TrainingJobName", name_}})));
    return true;
  }

 private:
  Result<Value> describe(Task& task) const {
    return task.session.sagemaker("DescribeTrainingJob", Value::object({{"TrainingJobName", name_}}));
  }

  std::string name_;
  bool own_name_ = false;
};

}  // namespace

std::unique_ptr<Component> train_component() { return std::make_unique<Train>(); }

}  // namespace millrace::components
