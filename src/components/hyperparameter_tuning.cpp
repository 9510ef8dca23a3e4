// CreateHyperParameterTuningJob: the best of several training jobs.

#include "base/strings.h"
#include "components/common_arguments.h"
#include "components/job.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

constexpr JobKind kKind{"HyperParameterTuningJob", "HPOJob", ""};

constexpr auto kArguments =
    argument_table(kCommonArguments, kSpotArguments, kJobArguments, kTrainingArguments,
                   std::array{
                       ArgumentSpec{"job_name", ArgumentType::string, kNone},
                       ArgumentSpec{"strategy", ArgumentType::string, "Bayesian", false, "Bayesian|Random"},
                       ArgumentSpec{"metric_name", ArgumentType::string, "", true},
                       ArgumentSpec{"metric_type", ArgumentType::string, "", true, "Maximize|Minimize"},
                       ArgumentSpec{"early_stopping_type", ArgumentType::string, "Off", false, "Off|Auto"},
                       ArgumentSpec{"static_parameters", ArgumentType::object, "{}"},
                       ArgumentSpec{"integer_parameters", ArgumentType::array, "[]"},
                       ArgumentSpec{"continuous_parameters", ArgumentType::array, "[]"},
                       ArgumentSpec{"categorical_parameters", ArgumentType::array, "[]"},
                       ArgumentSpec{"output_location", ArgumentType::string, "", true},
                       ArgumentSpec{"max_num_jobs", ArgumentType::integer, "", true},
                       ArgumentSpec{"max_parallel_jobs", ArgumentType::integer, "", true},
                       ArgumentSpec{"warm_start_type", ArgumentType::string, kNone, false,
                                    "IdenticalDataAndAlgorithm|TransferLearning|"},
                       ArgumentSpec{"parent_hpo_jobs", ArgumentType::string},
                   });
constexpr std::string_view kOutputs[] = {"hpo_job_name", "model_artifact_url", "best_job_name", "best_hyperparameters",
                                         "training_image"};

Value tuning_config(const Arguments& a) {
  return Value::object(
      {{"Strategy", a.text("strategy")},
       {"HyperParameterTuningJobObjective",
        Value::object({{"Type", a.text("metric_type")}, {"MetricName", a.text("metric_name")}})},
       {"ResourceLimits", Value::object({{"MaxNumberOfTrainingJobs", a.integer("max_num_jobs")},
                                         {"MaxParallelTrainingJobs", a.integer("max_parallel_jobs")}})},
       {"ParameterRanges", Value::object({{"IntegerParameterRanges", a.inputs["integer_parameters"]},
                                          {"ContinuousParameterRanges", a.inputs["continuous_parameters"]},
                                          {"CategoricalParameterRanges", a.inputs["categorical_parameters"]}})},
       {"TrainingJobEarlyStoppingType", a.text("early_stopping_type")}});
}

Result<Value> training_definition(const Arguments& a) {
  Value definition = Value::object();
  definition.set("StaticHyperParameters", MR_TRY(checked_hyperparameters(a, "static_parameters")));
  MR_TRY(add_training(definition, a, "output_location"));
  return definition;
}

// WarmStartConfig takes both of its arguments or neither.
Status add_warm_start(Value& request, const Arguments& a) {
  const bool type = a.given("warm_start_type"), parents = a.given("parent_hpo_jobs");
  if (!type && !parents) return {};
  if (!type) {
    return fail(Code::invalid_argument,
                "Must specify warm start type as either \"IdenticalDataAndAlgorithm\" or \"TransferLearning\".");
  }
  if (!parents) return fail(Code::invalid_argument, "Must specify at least one parent hyperparameter tuning job");
  Value jobs = Value::array();
  const std::string names = a.text("parent_hpo_jobs");
  for (const std::string_view name : split(names, ',')) {
    jobs.push(Value::object({{"HyperParameterTuningJobName", trim(name)}}));
  }
  request.set("WarmStartConfig", Value::object({{"ParentHyperParameterTuningJobs", std::move(jobs)},
                                                {"WarmStartType", a.text("warm_start_type")}}));
  return {};
}

class HyperparameterTuning final : public Job {
 public:
  HyperparameterTuning() : Job(kKind) {}
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"HyperParameterTuningJobName", name()}});
    request.set("HyperParameterTuningJobConfig", tuning_config(a));
    request.set("TrainingJobDefinition", MR_TRY(training_definition(a)));
    MR_TRY(add_warm_start(request, a));
    request.set("Tags", MR_TRY(tag_list(a, "tags")));
    return request;
  }

  Status announce(Task& task, const Value&) override {
    log_info("Created Hyperparameter Training Job with name: " + name());
    log_info("HPO job in SageMaker: " + console_url(task.arguments, "sagemaker", "/hyper-tuning-jobs/" + name()));
    log_cloudwatch_url(task.arguments, "/aws/sagemaker/TrainingJobs", name());
    return {};
  }

  Result<Value> results(Task& task) override {
    const std::string best = MR_TRY(describe(task))["BestTrainingJob"]["TrainingJobName"].string_or();
    if (best.empty()) {
      return fail(Code::failed_precondition, "The tuning job " + name() + " ended without a best training job.");
    }
    const Value job = MR_TRY(task.session.sagemaker("DescribeTrainingJob", Value::object({{"TrainingJobName", best}})));
    Value hyperparameters = Value::object(job["HyperParameters"].members());
    if (!hyperparameters.erase("_tuning_objective_metric")) {
      return fail(Code::failed_precondition, "The training job " + best + " is not described with its objective.");
    }
    Value results = Value::object({{"best_hyperparameters", std::move(hyperparameters)}, {"best_job_name", best}});
    results.set("model_artifact_url", MR_TRY(model_artifacts_of(task.session, best)));
    results.set("training_image", MR_TRY(training_image_of(task.session, best)));
    results.set("hpo_job_name", name());
    return results;
  }
};

}  // namespace

std::unique_ptr<Component> hyperparameter_tuning_component() { return std::make_unique<HyperparameterTuning>(); }

}  // namespace millrace::components
