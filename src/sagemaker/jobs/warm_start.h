#pragma once
// Warm start: a tuning job that begins with what earlier ones have found. Pure.
// Source: developer guide, "Run a Warm Start Hyperparameter Tuning Job".

#include <vector>

#include "algorithms/tuning.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {

inline constexpr std::size_t kMaxParents = 5;
inline constexpr std::size_t kMaxInherited = 500;  // training jobs whose outcome is taken from the parents

struct Parent {
  Resource job;
  std::vector<Resource> trials;
};

// May the tuning job begin with these? Errors, ValidationException: a parent that still runs; another objective; more
// than 10 hyperparameters that changed; IdenticalDataAndAlgorithm with other data or another image.
Status check_parents(const Value& request, const std::vector<Parent>& parents);

// What is kept of the parents, for the tuning job's state: {trials: [{parameters: {name: text}, objective}], best:
// BestTrainingJob with its TuningJobName}.
Value inherited_of(const std::vector<Parent>& parents);

// The inherited trials that lie in the ranges.
std::vector<algorithms::FinishedTrial> inherited_trials(const Value& inherited,
                                                        const std::vector<algorithms::ParameterRange>& ranges);

}  // namespace millrace::sagemaker
