#include "sagemaker/jobs/tuning_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/warm_start.h"

namespace millrace::sagemaker {
namespace {

using algorithms::ParameterRange;

constexpr std::size_t kHopelessAfter = 5;     // failures without one success, as SageMaker gives up
constexpr std::int64_t kConvergedAfter = 10;  // training jobs without a better objective

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

namespace {

// A range around what a request hints at, for a hyperparameter whose range is to be found.
ParameterRange range_around(const Value& given) {
  constexpr double kWidth = 10;
  const std::string hint = given["ValueHint"].string_or();
  ParameterRange range;
  range.name = given["Name"].string_or();
  const auto number = parse_double(hint);
  if (!number) {
    range.kind = ParameterRange::Kind::categorical;
    const bool is_flag = hint == "true" || hint == "false";
    range.values = is_flag ? std::vector<std::string>{"true", "false"} : std::vector<std::string>{hint};
    return range;
  }
  const bool whole = parse_int(hint).has_value();
  range.kind = whole ? ParameterRange::Kind::integer : ParameterRange::Kind::continuous;
  range.minimum = std::min(*number / kWidth, *number * kWidth);
  range.maximum = std::max({*number / kWidth, *number * kWidth, *number == 0 ? 1.0 : *number});
  if (whole) {
    range.minimum = std::ceil(range.minimum);
    range.maximum = std::floor(range.maximum);
  }
  return range;
}

// How many training jobs in a row, in the order of their start, have ended without a better objective than before.
std::int64_t not_improving(const std::vector<Resource>& trials, const Objective& objective) {
  std::int64_t count = 0;
  std::optional<double> best;
  for (const Resource& trial : trials) {
    if (!is_final(trial.status)) continue;
    const auto value = trial.status == "Failed" ? std::nullopt : objective_value(trial.body, objective.metric);
    const bool better = value && (!best || (objective.minimise ? *value < *best : *value > *best));
    if (better) best = value;
    count = better ? 0 : count + 1;
  }
  return best ? count : 0;
}

bool is_complete(const Value& criteria, std::int64_t stale) {
  const std::int64_t most = criteria["BestObjectiveNotImproving"]["MaxNumberOfTrainingJobsNotImproving"].int_or(0);
  const bool converges = criteria["ConvergenceDetected"]["CompleteOnConvergence"].string_or() == "Enabled";
  return (most > 0 && stale >= most) || (converges && stale >= kConvergedAfter);
}

}  // namespace

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
  for (const auto& given_auto : given["AutoParameters"].items()) ranges.push_back(range_around(given_auto));
  return ranges;
}

bool is_hyperband(const Value& config) { return config["Strategy"].string_or() == "Hyperband"; }

bool is_judged(const Value& config) {
  return is_hyperband(config) || config["TrainingJobEarlyStoppingType"].string_or() == "Auto";
}

Result<algorithms::Strategy> parse_strategy_of(const Value& config) {
  if (is_hyperband(config)) return algorithms::Strategy::random;
  auto strategy = algorithms::parse_strategy(config["Strategy"].string_or());
  if (!strategy) return validation_error(strategy.error().message);
  return strategy;
}

algorithms::Strategy strategy_of(const Value& config) {
  return parse_strategy_of(config).value_or(algorithms::Strategy::random);
}

Result<algorithms::TuningRequest> tuning_request(const Resource& job, const std::vector<Resource>& trials) {
  const Value& config = job.body["HyperParameterTuningJobConfig"];
  const Objective objective = objective_of(job.body);
  algorithms::TuningRequest request;
  request.strategy = strategy_of(config);
  request.minimise = objective.minimise;
  request.ranges = MR_TRY(ranges_of(config));
  request.seed = static_cast<std::uint64_t>(job.state["seed"].int_or(0));
  request.finished = inherited_trials(job.state["inherited"], request.ranges);
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
  const std::int64_t stale = not_improving(trials, objective);
  plan.members.set("TuningJobCompletionDetails", Value::object({{"NumberOfTrainingJobsObjectiveNotImproving", stale}}));
  if (job.body["WarmStartConfig"]["WarmStartType"].string_or() == "IdenticalDataAndAlgorithm") {
    const Value& inherited = job.state["inherited"]["best"];
    const double before = inherited["FinalHyperParameterTuningJobObjectiveMetric"]["Value"].double_or(0);
    if (best != nullptr && (inherited.is_null() || (objective.minimise ? best_value < before : best_value > before))) {
      plan.members.set("OverallBestTrainingJob", trial_summary(*best, objective).set("TuningJobName", job.name));
    } else if (!inherited.is_null()) {
      plan.members.set("OverallBestTrainingJob", inherited);
    }
  }

  const auto limit = static_cast<std::size_t>(config["ResourceLimits"]["MaxNumberOfTrainingJobs"].int_or(1));
  const auto parallel = static_cast<std::size_t>(config["ResourceLimits"]["MaxParallelTrainingJobs"].int_or(1));
  const auto running = static_cast<std::size_t>(in_progress);
  const bool stop = job.state["stop"].bool_or(false);
  const Value& target = config["TuningJobCompletionCriteria"]["TargetObjectiveMetricValue"];
  const bool reached = target.is_number() && best != nullptr &&
                       (objective.minimise ? best_value <= target.as_double() : best_value >= target.as_double());
  const bool complete = reached || is_complete(config["TuningJobCompletionCriteria"], stale);
  const bool hopeless = succeeded == 0 && static_cast<std::size_t>(without) >= kHopelessAfter;
  const std::string fault = job.state["fault"].string_or();
  if (stop || complete || hopeless || !fault.empty()) {
    plan.stop_trials = running > 0;
    if (running > 0) return plan;
    plan.final_status = stop ? "Stopped" : complete ? "Completed" : "Failed";
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
