#include "sagemaker/jobs/warm_start.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/tuning_plan.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxChanged = 10;

std::set<std::string> tuned_names(const Value& config) {
  std::set<std::string> names;
  for (const std::string_view kind :
       {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}) {
    for (const auto& range : config["ParameterRanges"][kind].items()) names.insert(range["Name"].string_or());
  }
  return names;
}

std::set<std::string> all_names(const Value& tuning_job) {
  std::set<std::string> names = tuned_names(tuning_job["HyperParameterTuningJobConfig"]);
  for (const auto& [name, value] : tuning_job["TrainingJobDefinition"]["StaticHyperParameters"].members()) {
    if (!name.starts_with("_")) names.insert(name);
  }
  return names;
}

// Of the same set of hyperparameters, those that were static and are tuned now, or the other way.
std::size_t changed_between(const Value& a, const Value& b) {
  const auto before = tuned_names(a["HyperParameterTuningJobConfig"]);
  const auto now = tuned_names(b["HyperParameterTuningJobConfig"]);
  std::vector<std::string> changed;
  std::ranges::set_symmetric_difference(before, now, std::back_inserter(changed));
  return changed.size();
}

Status check_parent(const Value& request, const Resource& parent) {
  if (!is_final(parent.status)) {
    return validation_error(fmt::format("The parent hyperparameter tuning job {} is in status {}; it must have ended.",
                                        parent.name, parent.status));
  }
  const Objective own = objective_of(request), theirs = objective_of(parent.body);
  if (own.metric != theirs.metric || own.minimise != theirs.minimise) {
    return validation_error(fmt::format(
        "The objective metric of the parent hyperparameter tuning job {} is another: {}.", parent.name, theirs.metric));
  }
  if (all_names(request).size() != all_names(parent.body).size()) {
    return validation_error(
        fmt::format("The number of hyperparameters, static and tunable, must be that of the parent hyperparameter "
                    "tuning job {}: {}.",
                    parent.name, all_names(parent.body).size()));
  }
  if (changed_between(parent.body, request) > kMaxChanged) {
    return validation_error(
        fmt::format("At most {} hyperparameters can change between static and tunable since the parent hyperparameter "
                    "tuning job {}.",
                    kMaxChanged, parent.name));
  }
  if (request["WarmStartConfig"]["WarmStartType"].string_or() != "IdenticalDataAndAlgorithm") return {};
  const Value& mine = request["TrainingJobDefinition"];
  const Value& its = parent.body["TrainingJobDefinition"];
  if (mine["InputDataConfig"] == its["InputDataConfig"] &&
      mine["AlgorithmSpecification"]["TrainingImage"] == its["AlgorithmSpecification"]["TrainingImage"]) {
    return {};
  }
  return validation_error(
      fmt::format("With IdenticalDataAndAlgorithm, the input data and the training image must be those of the parent "
                  "hyperparameter tuning job {}.",
                  parent.name));
}

bool is_within(const std::string& text, const algorithms::ParameterRange& range) {
  if (range.kind == algorithms::ParameterRange::Kind::categorical)
    return std::ranges::find(range.values, text) != range.values.end();
  const auto number = parse_double(text);
  return number && *number >= range.minimum && *number <= range.maximum;
}

}  // namespace

Status check_parents(const Value& request, const std::vector<Parent>& parents) {
  if (parents.empty() || parents.size() > kMaxParents) {
    return validation_error(fmt::format("A warm start has 1 to {} parent hyperparameter tuning jobs.", kMaxParents));
  }
  for (const Parent& parent : parents) MR_TRY(check_parent(request, parent.job));
  return {};
}

Value inherited_of(const std::vector<Parent>& parents) {
  Value trials = Value::array(), best;
  double best_value = 0;
  for (const Parent& parent : parents) {
    const Objective objective = objective_of(parent.job.body);
    for (const Resource& trial : parent.trials) {
      const auto value = objective_value(trial.body, objective.metric);
      if (trial.status == "Failed" || !value || trials.size() >= kMaxInherited) continue;
      Value parameters = Value::object();
      for (const auto& [name, text] : trial.body["HyperParameters"].members()) {
        if (!name.starts_with("_")) parameters.set(name, text);
      }
      trials.push(Value::object({{"parameters", std::move(parameters)}, {"objective", *value}}));
      if (!best.is_null() && (objective.minimise ? *value >= best_value : *value <= best_value)) continue;
      best = trial_summary(trial, objective);
      best.set("TuningJobName", parent.job.name);
      best_value = *value;
    }
  }
  return Value::object({{"trials", std::move(trials)}, {"best", std::move(best)}});
}

std::vector<algorithms::FinishedTrial> inherited_trials(const Value& inherited,
                                                        const std::vector<algorithms::ParameterRange>& ranges) {
  std::vector<algorithms::FinishedTrial> found;
  for (const auto& trial : inherited["trials"].items()) {
    algorithms::FinishedTrial finished{{}, trial["objective"].double_or(0)};
    for (const auto& range : ranges) {
      const std::string text = trial["parameters"][range.name].string_or();
      if (is_within(text, range)) finished.parameters.emplace_back(range.name, text);
    }
    if (finished.parameters.size() == ranges.size()) found.push_back(std::move(finished));
  }
  return found;
}

}  // namespace millrace::sagemaker
