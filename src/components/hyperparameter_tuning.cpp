// CreateHyperParameterTuningJob: the best of several training jobs.

#include "base/strings.h"
#include "components/component.h"
#include "components/job_status.h"
#include "components/log_lines.h"
#include "components/names.h"
#include "components/request_parts.h"

namespace millrace::components {
namespace {

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
    {"training_input_mode", ArgumentType::string, "File", false, "File|Pipe"},
    {"metric_definitions", ArgumentType::object, "{}"},
    {"strategy", ArgumentType::string, "Bayesian", false, "Bayesian|Random|Grid|Hyperband"},
    {"metric_name", ArgumentType::string, "", true},
    {"metric_type", ArgumentType::string, "", true, "Maximize|Minimize"},
    {"early_stopping_type", ArgumentType::string, "Off", false, "Off|Auto"},
    {"static_parameters", ArgumentType::object, "{}"},
    {"integer_parameters", ArgumentType::array, "[]"},
    {"continuous_parameters", ArgumentType::array, "[]"},
    {"categorical_parameters", ArgumentType::array, "[]"},
    {"channels", ArgumentType::array, "", true},
    {"output_location", ArgumentType::string, "", true},
    {"output_encryption_key", ArgumentType::string},
    {"instance_type", ArgumentType::string, "ml.m4.xlarge"},
    {"instance_count", ArgumentType::integer, "1"},
    {"volume_size", ArgumentType::integer, "30"},
    {"max_num_jobs", ArgumentType::integer, "", true},
    {"max_parallel_jobs", ArgumentType::integer, "", true},
    {"resource_encryption_key", ArgumentType::string},
    {"vpc_security_group_ids", ArgumentType::string},
    {"vpc_subnets", ArgumentType::string},
    {"network_isolation", ArgumentType::boolean, "True"},
    {"traffic_encryption", ArgumentType::boolean, "False"},
    {"warm_start_type", ArgumentType::string, "", false, "IdenticalDataAndAlgorithm|TransferLearning|"},
    {"parent_hpo_jobs", ArgumentType::string},
};
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
  definition.set("StaticHyperParameters", MR_TRY(checked_hyperparameters(a.inputs["static_parameters"])));
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

class HyperparameterTuning final : public Component {
 public:
  std::span<const ArgumentSpec> arguments() const override { return kArguments; }
  std::span<const std::string_view> outputs() const override { return kOutputs; }

  Status prepare(Task& task) override {
    name_ = task.arguments.text("job_name");
    own_name_ = name_.empty();
    if (own_name_) name_ = generated_name("HPOJob", task.clock);
    return {};
  }

  Result<Value> request(Task& task) override {
    const Arguments& a = task.arguments;
    Value request = Value::object({{"HyperParameterTuningJobName", name_}});
    request.set("HyperParameterTuningJobConfig", tuning_config(a));
    request.set("TrainingJobDefinition", MR_TRY(training_definition(a)));
    MR_TRY(add_warm_start(request, a));
    request.set("Tags", tag_list(a.inputs["tags"]));
    return request;
  }

  Result<Value> submit(Task& task, const Value& request) override {
    return task.session.create(
        {"CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob", "HyperParameterTuningJobName", own_name_},
        request);
  }

  void announce(Task& task, const Value&) override {
    log_info("Created Hyperparameter Training Job with name: " + name_);
    log_info("HPO job in SageMaker: " + console_url(task.arguments, "sagemaker", "/hyper-tuning-jobs/" + name_));
    log_cloudwatch_url(task.arguments, "/aws/sagemaker/TrainingJobs", name_);
  }

  Result<JobStatus> status(Task& task) override {
    return job_status(MR_TRY(describe(task)), "HyperParameterTuningJobStatus");
  }

  Result<Value> results(Task& task) override {
    const std::string best = MR_TRY(describe(task))["BestTrainingJob"]["TrainingJobName"].string_or();
    if (best.empty()) {
      return fail(Code::failed_precondition, "The tuning job " + name_ + " ended without a best training job.");
    }
    const Value job = MR_TRY(task.session.sagemaker("DescribeTrainingJob", Value::object({{"TrainingJobName", best}})));
    Value hyperparameters = Value::object(job["HyperParameters"].members());
    hyperparameters.erase("_tuning_objective_metric");
    Value results = Value::object({{"best_hyperparameters", std::move(hyperparameters)}, {"best_job_name", best}});
    results.set("model_artifact_url", MR_TRY(model_artifacts_of(task.session, best)));
    results.set("training_image", MR_TRY(training_image_of(task.session, best)));
    results.set("hpo_job_name", name_);
    return results;
  }

  Result<bool> stop(Task& task) override {
    MR_TRY(
        task.session.sagemaker("StopHyperParameterTuningJob", Value::object({{"HyperParameterTuningJobName", name_}})));
    return true;
  }

 private:
  Result<Value> describe(Task& task) const {
    return task.session.sagemaker("DescribeHyperParameterTuningJob",
                                  Value::object({{"HyperParameterTuningJobName", name_}}));
  }

  std::string name_;
  bool own_name_ = false;
};

}  // namespace

std::unique_ptr<Component> hyperparameter_tuning_component() { return std::make_unique<HyperparameterTuning>(); }

}  // namespace millrace::components
