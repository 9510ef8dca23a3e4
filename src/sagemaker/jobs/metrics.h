#pragma once
// Metrics from a training job's log lines, by regular expression.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"

namespace millrace::sagemaker {

// The metrics that a built-in algorithm emits ([{Name, Regex}]); null for an algorithm that has none.
Value built_in_metrics(std::string_view algorithm);

class MetricScraper {
 public:
  // definitions: [{Name, Regex}], RE2 syntax; the first group of a regex is the value.
  // Error: ValidationException, naming the regex that cannot be used.
  static Result<std::unique_ptr<MetricScraper>> make(const Value& definitions);
  ~MetricScraper();
  void line(std::string_view text, Time at);
  // FinalMetricDataList: the last value of each metric seen, in the order of the definitions.
  Value final_values() const;

 private:
  MetricScraper();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::sagemaker
