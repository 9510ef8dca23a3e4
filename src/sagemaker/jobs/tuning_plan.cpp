#include "sagemaker/jobs/tuning_plan.h"

#include <cmath>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/machine.h"

namespace millrace::sagemaker {
namespace {

using algorithms::ParameterRange;

constexpr std::size_t kHopelessAfter = 5;  // failures without one success, as SageMaker gives up

Result<ParameterRange> numeric_range(const Value& range, ParameterRange::Kind kind) {
  ParameterRange out;
  out.name = range["Name"].string_or();
  out.kind = kind;
  const auto low = parse_double(range["MinValue"].string_or()), high = parse_double(range["MaxValue"].string_or());
  const bool whole =
      kind != ParameterRange::Kind::integer || (low && high && std::floor(*low) == *low && std::floor(*high) == *high);
  if (!low || !high || !whole || *low > *high) {
    return validation_error(fmt::format("The range of the hyperparameter {} is not valid: MinValue {}, MaxValue {}.",
                                        out.name, range["MinValue"].string_or(), range["MaxValue"].string_or()));
  }
  out.minimum = *low;
  out.maximum = *high;
  const auto scaling = algorithms::parse_scaling(range["ScalingType"].string_or());
  if (!scaling) return validation_error(scaling.error().message);
  out.scaling = *scaling;
  return out;
}

std::string objective_status(const Resource& trial, const std::string& metric) {
  if (!is_final(trial.status)) return "Pending";
  const bool counted = trial.status != "Failed" && objective_value(trial.body, metric).has_value();
  return counted ? "Succeeded" : "Failed";
}

algorithms::Parameters parameters_of(const Resource& trial) {
  algorithms::Parameters parameters;
  for (const auto& [name, value] : trial.state["tuned"].members()) parameters.emplace_back(name, value.string_or());
  return parameters;
}

}  // namespace

Objective objective_of(const Value& tuning_job) {
  const Value& objective = tuning_job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"];
  return {objective["MetricName"].string_or(), objective["Type"].string_or() != "Maximize"};
}

std::optional<double> objective_value(const Value& training_job, const std::string& metric) {
  for (const auto& final : training_job["FinalMetricDataList"].items()) {
    if (final["MetricName"].string_or() == metric && final["Value"].is_number()) return final["Value"].as_double();
  }
  return std::nullopt;
}

Result<std::vector<ParameterRange>> ranges_of(const Value& config) {
  const Value& given = config["ParameterRanges"];
  std::vector<ParameterRange> ranges;
  for (const auto& range : given["IntegerParameterRanges"].items()) {
    ranges.push_back(MR_TRY(numeric_range(range, ParameterRange::Kind::integer)));
  }
  for (const auto& range : given["ContinuousParameterRanges"].items()) {
    ranges.push_back(MR_TRY(numeric_range(range, ParameterRange::Kind::continuous)));
  }
  for (const auto& range : given["CategoricalParameterRanges"].items()) {
    ParameterRange out;
    out.name = range["Name"].string_or();
    out.kind = ParameterRange::Kind::categorical;
    for (const auto& value : range["Values"].items()) out.values.push_back(value.string_or());
    ranges.push_back(std::move(out));
  }
  return ranges;
}

algorithms::Strategy strategy_of(const Value& config) {
  // Checked when the job was made.
  return algorithms::parse_strategy(config["Strategy"].string_or()).value_or(algorithms::Strategy::random);
}

Result<algorithms::TuningRequest> tuning_request(const Resource& job, const std::vector<Resource>& trials) {
  const Value& config = job.body["HyperParameterTuningJobConfig"];
  const Objective objective = objective_of(job.body);
  algorithms::TuningRequest request;
  request.strategy = strategy_of(config);
  request.minimise = objective.minimise;
  request.ranges = MR_TRY(ranges_of(config));
  request.seed = static_cast<std::uint64_t>(job.state["seed"].int_or(0));
  for (const auto& trial : trials) {
    const std::string status = objective_status(trial, objective.metric);
    if (status == "Succeeded") {
      request.finished.push_back({parameters_of(trial), *objective_value(trial.body, objective.metric)});
    } else if (status == "Pending") {
      request.pending.push_back(parameters_of(trial));
    } else {
      request.failed.push_back(parameters_of(trial));
    }
  }
  return request;
}

TuningPlan plan_tuning(const Resource& job, const std::vector<Resource>& trials) {
  const Value& config = job.body["HyperParameterTuningJobConfig"];
  const Objective objective = objective_of(job.body);
  std::int64_t completed = 0, in_progress = 0, failed = 0, stopped = 0;
  std::int64_t succeeded = 0, pending = 0, without = 0;
  const Resource* best = nullptr;
  double best_value = 0;
  for (const auto& trial : trials) {
    if (!is_final(trial.status)) ++in_progress;
    if (trial.status == "Completed") ++completed;
    if (trial.status == "Failed") ++failed;
    if (trial.status == "Stopped") ++stopped;
    const std::string status = objective_status(trial, objective.metric);
    if (status == "Pending") ++pending;
    if (status == "Failed") ++without;
    if (status != "Succeeded") continue;
    ++succeeded;
    const double value = *objective_value(trial.body, objective.metric);
    if (best == nullptr || (objective.minimise ? value < best_value : value > best_value)) {
      best = &trial;
      best_value = value;
    }
  }

  TuningPlan plan;
  plan.members.set("TrainingJobStatusCounters", Value::object({{"Completed", completed},
                                                               {"InProgress", in_progress},
                                                               {"RetryableError", 0},
                                                               {"NonRetryableError", failed},
                                                               {"Stopped", stopped}}));
  plan.members.set("ObjectiveStatusCounters",
                   Value::object({{"Succeeded", succeeded}, {"Pending", pending}, {"Failed", without}}));
  if (best != nullptr) plan.members.set("BestTrainingJob", trial_summary(*best, objective));

  const auto limit = static_cast<std::size_t>(config["ResourceLimits"]["MaxNumberOfTrainingJobs"].int_or(1));
  const auto parallel = static_cast<std::size_t>(config["ResourceLimits"]["MaxParallelTrainingJobs"].int_or(1));
  const auto running = static_cast<std::size_t>(in_progress);
  const bool stop = job.state["stop"].bool_or(false);
  const Value& target = config["TuningJobCompletionCriteria"]["TargetObjectiveMetricValue"];
  const bool reached = target.is_number() && best != nullptr &&
                       (objective.minimise ? best_value <= target.as_double() : best_value >= target.as_double());
  const bool hopeless = succeeded == 0 && static_cast<std::size_t>(without) >= kHopelessAfter;
  const std::string fault = job.state["fault"].string_or();
  if (stop || reached || hopeless || !fault.empty()) {
    plan.stop_trials = running > 0;
    if (running > 0) return plan;
    plan.final_status = stop ? "Stopped" : reached ? "Completed" : "Failed";
    if (plan.final_status == "Failed") plan.failure_reason = fault;
    if (hopeless && !stop) {
      plan.failure_reason = fmt::format(
          "No training job succeeded after {} attempts. For additional details, please take a look at the training job "
          "failures by listing training jobs for the hyperparameter tuning job.",
          without);
    }
    return plan;
  }
  const std::size_t left = trials.size() < limit ? limit - trials.size() : 0;
  plan.launch = std::min(left, running < parallel ? parallel - running : 0);
  if (left == 0 && running == 0) {
    plan.final_status = succeeded > 0 ? "Completed" : "Failed";
    if (succeeded == 0) {
      plan.failure_reason =
          "All training jobs failed. Please take a look at the training job failures by listing training jobs for the "
          "hyperparameter tuning job.";
    }
  }
  return plan;
}

Value trial_summary(const Resource& trial, const Objective& objective) {
  Value summary = Value::object({{"TrainingJobName", trial.name},
                                 {"TrainingJobArn", trial.arn},
                                 {"CreationTime", seconds(trial.created)},
                                 {"TrainingJobStatus", trial.status},
                                 {"TunedHyperParameters", trial.state["tuned"]},
                                 {"ObjectiveStatus", objective_status(trial, objective.metric)}});
  for (const std::string_view member : {"TrainingStartTime", "TrainingEndTime", "FailureReason"}) {
    if (trial.body.has(member)) summary.set(member, trial.body[member]);
  }
  if (const auto value = objective_value(trial.body, objective.metric)) {
    summary.set("FinalHyperParameterTuningJobObjectiveMetric",
                Value::object({{"Type", objective.minimise ? "Minimize" : "Maximize"},
                               {"MetricName", objective.metric},
                               {"Value", *value}}));
  }
  return summary;
}

std::string trial_name(const Resource& job, std::size_t index) {
  const std::string text = fmt::format("{}/{}/{}", job.arn, to_epoch_ms(job.created), index);
  return fmt::format("{}-{:03}-{}", job.name, index, sha256_hex(text).substr(0, 8));
}

}  // namespace millrace::sagemaker
