#pragma once
// Which training jobs of a tuning job are stopped before their end, by the values of the objective that they have
// printed so far. Pure.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/value.h"

namespace millrace::sagemaker {

using History = std::vector<double>;  // of the objective: one value an epoch, the first one first

inline constexpr std::size_t kMaxHistory = 1'000;  // values kept of one training job; later ones are not looked at
inline constexpr std::size_t kEarlierJobs = 3;     // so many must have come as far before one is judged by them

// TrainingJobEarlyStoppingType Auto. Source: developer guide, "Stop training jobs early": the value of the present
// epoch is worse than the median of the running averages of earlier jobs up to the same epoch.
bool falls_behind(bool minimise, const History& own, const std::vector<History>& others);

// Hyperband's share of it: at MinResource epochs, and each kReduction times as many, a job goes on only if it is among
// the best 1/kReduction of those that have come as far (asynchronous successive halving, Li et al., arXiv 1810.05934).
inline constexpr std::int64_t kReduction = 3;
struct Rungs {
  std::int64_t least = 1, most = 1;  // epochs
};
Rungs rungs_of(const Value& tuning_job_config);
bool is_halved(bool minimise, const Rungs& rungs, const History& own, const std::vector<History>& others);

}  // namespace millrace::sagemaker
