// CreateTrainingJob: a model from data in S3.

#include "components/common_arguments.h"
#include "components/debug_rules.h"
#include "components/job.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr JobKind kKind{"TrainingJob", "TrainingJob", "/aws/sagemaker/TrainingJobs"};

constexpr auto kArguments = argument_table(kCommonArguments, kSpotArguments, kJobArguments, kTrainingArguments,
                                           std::array{
                                               ArgumentSpec{"job_name", ArgumentType::string},
                                               ArgumentSpec{"hyperparameters", ArgumentType::object, "{}"},
                                               ArgumentSpec{"model_artifact_path", ArgumentType::string, "", true},
                                               ArgumentSpec{"debug_hook_config", ArgumentType::object, "{}"},
                                               ArgumentSpec{"debug_rule_config", ArgumentType::array, "[]"},
                                           });
constexpr std::string_view kOutputs[] = {"model_artifact_url", "job_name", "training_image"};

class Train final : public Job {
 public:
  Train() : Job(kKind) {}
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"TrainingJobName", name()}});
    request.set("HyperParameters", MR_TRY(checked_hyperparameters(a, "hyperparameters")));
    MR_TRY(add_training(request, a, "model_artifact_path"));
    request.set_if(a.given("debug_hook_config"), "DebugHookConfig", a.inputs["debug_hook_config"]);
    request.set_if(a.given("debug_rule_config"), "DebugRuleConfigurations", a.inputs["debug_rule_config"]);
    request.set("Tags", MR_TRY(tag_list(a, "tags")));
    return request;
  }

  Status announce(Task& task, const Value&) override {
    announce_training_job(task.arguments, name());
    return {};
  }

  // A job whose debug rules are still being evaluated is not done.
  Result<JobStatus> status(Task& task) override {
    JobStatus status = MR_TRY(Job::status(task));
    if (!status.is_completed || status.has_error) return status;
    return debug_rule_status(MR_TRY(describe(task)));
  }

  Result<Value> results(Task& task) override { return training_results(task.session, name()); }
};

}  // namespace

std::unique_ptr<Component> train_component() { return std::make_unique<Train>(); }

}  // namespace millrace::components
