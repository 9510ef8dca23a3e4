#pragma once
// A tuning job's decisions, from its own document and its trials'. Pure.

#include <optional>
#include <string>
#include <vector>

#include "algorithms/tuning.h"
#include "base/result.h"
#include "base/value.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {

struct Objective {
  std::string metric;
  bool minimise = true;
};
Objective objective_of(const Value& tuning_job);

// A trial's last value of the objective; none while it runs or when it never printed one.
std::optional<double> objective_value(const Value& training_job, const std::string& metric);

// SageMaker's parameter ranges as the optimiser takes them. Errors: ValidationException.
Result<std::vector<algorithms::ParameterRange>> ranges_of(const Value& tuning_job_config);
// Hyperband's points are Random's; what it adds is which training jobs go on. Error: ValidationException.
Result<algorithms::Strategy> parse_strategy_of(const Value& tuning_job_config);
algorithms::Strategy strategy_of(const Value& tuning_job_config);  // of one that was parsed before
bool is_hyperband(const Value& tuning_job_config);
// Are training jobs stopped for what they print?
bool is_judged(const Value& tuning_job_config);

// What the optimiser is asked, given all trials so far.
Result<algorithms::TuningRequest> tuning_request(const Resource& tuning_job, const std::vector<Resource>& trials);

struct TuningPlan {
  std::size_t launch = 0;    // so many new trials now
  bool stop_trials = false;  // those under way are to be stopped
  std::string final_status;  // Completed, Failed, Stopped; empty: goes on
  std::string failure_reason;
  Value members = Value::object();  // TrainingJobStatusCounters, ObjectiveStatusCounters, BestTrainingJob
};
TuningPlan plan_tuning(const Resource& tuning_job, const std::vector<Resource>& trials);

// A trial as ListTrainingJobsForHyperParameterTuningJob and BestTrainingJob show it.
Value trial_summary(const Resource& trial, const Objective& objective);

// "<tuning job>-001-1a2b3c4d"; the same for the same tuning job and index.
std::string trial_name(const Resource& tuning_job, std::size_t index);

}  // namespace millrace::sagemaker
