#include "sagemaker/jobs/early_stopping.h"

#include <algorithm>
#include <numeric>

namespace millrace::sagemaker {
namespace {

bool is_worse(bool minimise, double a, double b) { return minimise ? a > b : a < b; }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double running_average(const History& history, std::size_t epochs) {
  const auto end = history.begin() + static_cast<std::ptrdiff_t>(epochs);
  return std::accumulate(history.begin(), end, 0.0) / static_cast<double>(epochs);
}

}  // namespace

bool falls_behind(bool minimise, const History& own, const std::vector<History>& others) {
  if (own.empty()) return false;
  std::vector<double> averages;
  for (const History& other : others) {
    if (other.size() >= own.size()) averages.push_back(running_average(other, own.size()));
  }
  return averages.size() >= kEarlierJobs && is_worse(minimise, own.back(), median(std::move(averages)));
}

Rungs rungs_of(const Value& tuning_job_config) {
  constexpr std::int64_t kMostEpochs = 27;  // where the request names none
  const Value& given = tuning_job_config["StrategyConfig"]["HyperbandStrategyConfig"];
  return {given["MinResource"].int_or(1), given["MaxResource"].int_or(kMostEpochs)};
}

bool is_halved(bool minimise, const Rungs& rungs, const History& own, const std::vector<History>& others) {
  for (std::int64_t rung = std::max<std::int64_t>(rungs.least, 1); rung < rungs.most; rung *= kReduction) {
    const auto epochs = static_cast<std::size_t>(rung);
    if (own.size() < epochs) return false;
    std::size_t arrived = 1, better = 0;
    for (const History& other : others) {
      if (other.size() < epochs) continue;
      ++arrived;
      better += is_worse(minimise, own[epochs - 1], other[epochs - 1]);
    }
    // Of fewer than kReduction all go on.
    const std::size_t places = std::max<std::size_t>(1, arrived / static_cast<std::size_t>(kReduction));
    if (arrived >= static_cast<std::size_t>(kReduction) && better >= places) return true;
  }
  return false;
}

}  // namespace millrace::sagemaker
