#include <cstdint>
#include <limits>

#include <fmt/core.h>

#include "sagemaker/algorithms/registry.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/early_stopping.h"
#include "sagemaker/jobs/metrics.h"
#include "sagemaker/jobs/tuning_plan.h"
#include "sagemaker/ops/requests.h"

namespace millrace::sagemaker {
namespace {

constexpr std::int64_t kMaxParallel = 100, kMaxTrials = 1000;  // the service's limits

Status check_built_in_objective(const built_in::AlgorithmInfo& algorithm, const std::string& image,
                                const std::string& metric, const std::string& type) {
  const built_in::Metric* known = built_in::find_metric(algorithm, metric);
  if (known == nullptr) {
    return validation_error(
        fmt::format("The objective metric for the hyperparameter tuning job, [{}], isn't valid for the [{}] algorithm. "
                    "Choose a valid objective metric.",
                    metric, image));
  }
  using Goal = built_in::Metric::Goal;
  if (known->goal == Goal::none || (known->goal == Goal::minimize) == (type != "Maximize")) return {};
  return validation_error(
      fmt::format("The objective metric type, [{}], that you specified for objective metric, [{}], isn't valid for the "
                  "[{}] algorithm. Choose a valid objective metric type.",
                  type, metric, image));
}

// A range's values that the others lie between; all of a categorical one's.
std::vector<std::string> values_at_ends(const algorithms::ParameterRange& range) {
  using RangeKind = algorithms::ParameterRange::Kind;
  if (range.kind == RangeKind::categorical) return range.values;
  std::vector<std::string> ends;
  for (const double end : {range.minimum, range.maximum}) ends.push_back(fmt::format("{}", end));
  return ends;
}

Status check_objective(const Value& config, const Value& definition) {
  const Value& objective = config["HyperParameterTuningJobObjective"];
  if (!objective.is_object()) return validation_error("HyperParameterTuningJobObjective must be given.");
  const Value& specification = definition["AlgorithmSpecification"];
  const std::string image = specification["TrainingImage"].string_or();
  const std::string metric = objective["MetricName"].string_or();
  if (const auto* algorithm = built_in::algorithm_of_image(image)) {
    return check_built_in_objective(algorithm->info(), image, metric, objective["Type"].string_or());
  }
  for (const auto& definition_of : specification["MetricDefinitions"].items()) {
    if (definition_of["Name"].string_or() == metric) return {};
  }
  return validation_error(
      fmt::format("The objective metric [{}] is not among the MetricDefinitions of the training job.", metric));
}

// Each range must be of a hyperparameter that can be tuned, and each of its ends one that the algorithm takes.
Status check_ranges(const built_in::AlgorithmInfo& algorithm, const std::vector<algorithms::ParameterRange>& ranges) {
  for (const auto& range : ranges) {
    const built_in::Hyperparameter* row = algorithm.hyperparameters.find(range.name);
    if (row == nullptr) {
      return validation_error(fmt::format(
          "Additional hyperparameters are not allowed ('{}' was unexpected) (caused by ValidationError)", range.name));
    }
    if (!row->tunable) {
      return validation_error(
          fmt::format("The hyperparameter {} of {} cannot be tuned; give it in StaticHyperParameters.", range.name,
                      algorithm.title));
    }
    for (const std::string& value : values_at_ends(range)) {
      if (auto ok = built_in::check_hyperparameter(*row, value); !ok) return validation_error(ok.error().message);
    }
  }
  return {};
}

Status check_strategy(const Value& request) {
  const Value& config = request["HyperParameterTuningJobConfig"];
  const bool has_rungs = !config["StrategyConfig"].empty();
  if (has_rungs && !is_hyperband(config)) {
    return validation_error("StrategyConfig can be given only with the Hyperband strategy.");
  }
  if (is_hyperband(config) && config["TrainingJobEarlyStoppingType"].string_or("Off") != "Off") {
    return validation_error("TrainingJobEarlyStoppingType must be Off with the Hyperband strategy.");
  }
  const Rungs rungs = rungs_of(config);
  if (is_hyperband(config) && rungs.least > rungs.most) {
    return validation_error("MinResource of HyperbandStrategyConfig must not be greater than MaxResource.");
  }
  const Value& ranges = config["ParameterRanges"];
  const bool tunes_itself = request["Autotune"]["Mode"].string_or() == "Enabled";
  if (!ranges["AutoParameters"].empty() && !tunes_itself) {
    return validation_error("AutoParameters can be given only with Autotune.");
  }
  if (tunes_itself && ranges.empty()) {
    return validation_error("Autotune needs AutoParameters with value hints here, or ParameterRanges.");
  }
  return {};
}

Status check_limits(const Value& config, const std::vector<algorithms::ParameterRange>& ranges) {
  const Value& limits = config["ResourceLimits"];
  const std::int64_t parallel = limits["MaxParallelTrainingJobs"].int_or(1);
  std::int64_t trials = limits["MaxNumberOfTrainingJobs"].int_or(0);
  if (strategy_of(config) == algorithms::Strategy::grid) {
    trials = static_cast<std::int64_t>(algorithms::grid_size(ranges));
  } else if (trials < 1) {
    return validation_error("MaxNumberOfTrainingJobs must be given.");
  }
  if (parallel > trials) {
    return validation_error(fmt::format(
        "MaxParallelTrainingJobs ({}) must not be greater than MaxNumberOfTrainingJobs ({}).", parallel, trials));
  }
  if (parallel > kMaxParallel || trials > kMaxTrials) {
    return limit_exceeded(
        fmt::format("A tuning job can have at most {} training jobs, {} at a time.", kMaxTrials, kMaxParallel));
  }
  return {};
}

// A training job's ResourceConfig of the two members that a definition may have for it: the first of several instance
// configurations, since none is ever short of capacity here. Error: both or neither is given.
Result<Value> resources_of(const Value& definition) {
  const Value& plain = definition["ResourceConfig"];
  const Value& flexible = definition["HyperParameterTuningResourceConfig"];
  const bool is_plain = plain.is_object() && !plain.empty(), is_flexible = flexible.is_object() && !flexible.empty();
  if (is_plain == is_flexible) {
    return validation_error(
        is_plain
            ? "ResourceConfig and HyperParameterTuningResourceConfig cannot both be given in TrainingJobDefinition."
            : "Either ResourceConfig or HyperParameterTuningResourceConfig must be given in TrainingJobDefinition.");
  }
  if (is_plain) return plain;
  const auto choices = flexible["InstanceConfigs"].items();
  const Value& from = choices.empty() ? flexible : choices.front();
  if (!choices.empty() && (flexible.has("InstanceType") || flexible.has("InstanceCount"))) {
    return validation_error(
        "HyperParameterTuningResourceConfig has either InstanceConfigs, or InstanceType and InstanceCount.");
  }
  Value resources = Value::object();
  for (const std::string_view member : {"InstanceType", "InstanceCount", "VolumeSizeInGB"}) {
    if (from[member].is_null()) {
      return validation_error(fmt::format("HyperParameterTuningResourceConfig must have {}.", member));
    }
    resources.set(member, from[member]);
  }
  if (flexible.has("VolumeKmsKeyId")) resources.set("VolumeKmsKeyId", flexible["VolumeKmsKeyId"]);
  return resources;
}

// The objective is scraped under a name of its own too, as the service's trials show it.
void add_objective(Resource& trial, const Objective& objective) {
  Value& definitions = trial.body.child("AlgorithmSpecification").child("MetricDefinitions");
  for (const auto& definition : definitions.items()) {
    if (definition["Name"].string_or() != objective.metric) continue;
    const std::string regex = definition["Regex"].string_or();
    definitions.push(Value::object({{"Name", "ObjectiveMetric"}, {"Regex", regex}}));
    return;
  }
}

Value trial_request(const Value& definition, const std::string& name, const Value& parameters) {
  Value request = Value::object({{"TrainingJobName", name}, {"HyperParameters", parameters}});
  for (const std::string_view member :
       {"AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "VpcConfig", "StoppingCondition",
        "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining",
        "CheckpointConfig", "Environment", "RetryStrategy"}) {
    if (definition.has(member) && !definition[member].is_null()) request.set(member, definition[member]);
  }
  return request;
}

}  // namespace

Result<Resource> build_tuning_job(const AccountRegion& account_region, const Value& request, std::uint64_t random_seed,
                                  Time now) {
  MR_TRY(refuse_unsupported(
      request,
      {{"TrainingJobDefinitions", "Several training job definitions are not supported; give TrainingJobDefinition."},
       {"HyperParameterTuningJobConfig.ResourceLimits.MaxRuntimeInSeconds",
        "MaxRuntimeInSeconds of a tuning job is not supported; set the training jobs' StoppingCondition."}}));
  const Value& config = request["HyperParameterTuningJobConfig"];
  const Value& definition = request["TrainingJobDefinition"];
  if (!definition.is_object()) return validation_error("TrainingJobDefinition must be given.");
  MR_TRY(check_strategy(request));
  const algorithms::Strategy strategy = MR_TRY(parse_strategy_of(config));
  const auto ranges = MR_TRY(ranges_of(config));
  if (auto valid = algorithms::validate_ranges(strategy, ranges); !valid)
    return validation_error(valid.error().message);
  MR_TRY(check_objective(config, definition));
  MR_TRY(check_limits(config, ranges));
  const std::string image = definition["AlgorithmSpecification"]["TrainingImage"].string_or();
  if (const auto* algorithm = built_in::algorithm_of_image(image)) MR_TRY(check_ranges(algorithm->info(), ranges));
  for (const auto& range : ranges) {
    if (definition["StaticHyperParameters"].has(range.name)) {
      return validation_error(
          fmt::format("The hyperparameter {} is both in StaticHyperParameters and in ParameterRanges.", range.name));
    }
  }

  Resource job;
  job.kind = Kind::tuning_job;
  job.name = request["HyperParameterTuningJobName"].string_or();
  job.arn = arn_of(account_region, job.kind, job.name);
  job.status = "InProgress";
  job.created = job.modified = now;
  job.active = true;
  Value& body = job.body;
  body.set("HyperParameterTuningJobName", job.name).set("HyperParameterTuningJobArn", job.arn);
  body.set("HyperParameterTuningJobConfig", config).set("TrainingJobDefinition", definition);
  Value& stored = body.child("HyperParameterTuningJobConfig");
  if (!stored.has("TrainingJobEarlyStoppingType")) stored.set("TrainingJobEarlyStoppingType", "Off");
  if (strategy == algorithms::Strategy::grid) {
    stored.child("ResourceLimits").set("MaxNumberOfTrainingJobs", algorithms::grid_size(ranges));
  }
  Value& static_parameters = body.child("TrainingJobDefinition").child("StaticHyperParameters");
  static_parameters.set("_tuning_objective_metric", objective_of(body).metric);
  for (const std::string_view member : {"WarmStartConfig", "Autotune"}) {
    if (request.has(member) && !request[member].is_null()) body.set(member, request[member]);
  }
  body.set("HyperParameterTuningJobStatus", job.status);
  body.set("CreationTime", seconds(now)).set("LastModifiedTime", seconds(now));
  const TuningPlan nothing_yet = plan_tuning(job, {});
  for (const auto& [member, value] : nothing_yet.members.members()) body.set(member, value);
  const std::int64_t given = config["RandomSeed"].int_or(-1);
  const auto drawn = static_cast<std::int64_t>(random_seed & std::numeric_limits<std::int64_t>::max());
  job.state.set("seed", given >= 0 ? given : drawn);

  // What would be wrong with every trial is said now.
  Value sample = Value::object();
  for (const auto& range : ranges) sample.set(range.name, values_at_ends(range).front());
  if (auto trial = build_trial(account_region, job, 1, sample, now); !trial) return fail(trial.error());
  return job;
}

Result<Resource> build_trial(const AccountRegion& account_region, const Resource& tuning_job, std::size_t index,
                             const Value& tuned, Time now) {
  const Value& definition = tuning_job.body["TrainingJobDefinition"];
  Value parameters = Value::object();
  for (const auto& [name, value] : definition["StaticHyperParameters"].members()) parameters.set(name, value);
  for (const auto& [name, value] : tuned.members()) parameters.set(name, value);
  Value request = trial_request(definition, trial_name(tuning_job, index), parameters);
  request.set("ResourceConfig", MR_TRY(resources_of(definition)));
  auto trial = MR_TRY(build_training_job(account_region, request, now));
  add_objective(trial, objective_of(tuning_job.body));
  trial.parent = tuning_job.name;
  trial.body.set("TuningJobArn", tuning_job.arn);
  if (is_judged(tuning_job.body["HyperParameterTuningJobConfig"])) trial.state.set("judged", true);
  trial.state.set("tuned", tuned).set("origin", tuning_job.origin());
  return trial;
}

}  // namespace millrace::sagemaker
