#pragma once
// Metrics from a training job's log lines, by regular expression.

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "sagemaker/algorithms/algorithm.h"

namespace millrace::sagemaker {

// The metrics that a built-in algorithm emits: [{Name, Regex}].
Value metric_definitions(const built_in::AlgorithmInfo& algorithm);

// A job's metric definitions, compiled. Immutable, and so shared by the jobs that have the same.
class MetricPatterns {
 public:
  // definitions: [{Name, Regex}], RE2 syntax; the first group of a regex is the value.
  // Error: ValidationException, naming the regex that cannot be used.
  static Result<std::shared_ptr<const MetricPatterns>> compile(const Value& definitions);
  ~MetricPatterns();
  std::size_t size() const;
  const std::string& name(std::size_t i) const;
  std::optional<double> value_in(std::size_t i, std::string_view line) const;

 private:
  MetricPatterns();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Compiles when a job is created (which checks its definitions), and gives the same when its log is followed: once for
// all training jobs of a tuning job. Thread-safe.
class MetricPatternCache {
 public:
  static constexpr std::size_t kMaxKept = 64;  // different lists of definitions; the oldest goes first
  Result<std::shared_ptr<const MetricPatterns>> get(const Value& definitions);

 private:
  Mutex mutex_;
  // By the definitions as JSON.
  std::map<std::string, std::shared_ptr<const MetricPatterns>> kept_ MR_GUARDED_BY(mutex_);
  std::deque<std::string> order_ MR_GUARDED_BY(mutex_);
};

class MetricScraper {
 public:
  explicit MetricScraper(std::shared_ptr<const MetricPatterns> patterns);
  void line(std::string_view text, Time at);
  // FinalMetricDataList: the last value of each metric seen, in the order of the definitions.
  Value final_values() const;
  // The first kMaxHistory values of a tuning job's objective, which its training jobs have as a metric of this name.
  static constexpr std::string_view kObjective = "ObjectiveMetric";
  const std::vector<double>& objectives() const { return objectives_; }

 private:
  struct Seen {
    double value = 0;
    Time at{};
  };
  std::shared_ptr<const MetricPatterns> patterns_;
  std::vector<std::optional<Seen>> last_;  // by the patterns' index
  std::vector<double> objectives_;
};

}  // namespace millrace::sagemaker
