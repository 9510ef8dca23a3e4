#include "app/operate/operation_metrics.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

namespace millrace::app {
namespace {

using Clock = std::chrono::steady_clock;

thread_local std::optional<Clock::time_point> call_began;

}  // namespace

OperationMetrics::Call::Call() { call_began = Clock::now(); }
OperationMetrics::Call::~Call() { call_began.reset(); }

void OperationMetrics::record(const std::string& service, const std::string& operation) {
  if (call_began && !operation.empty()) record(service, operation, Clock::now() - *call_began);
}

void OperationMetrics::record(const std::string& service, const std::string& operation, std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin());
  const MutexLock lock(mutex_);
  Durations& durations = operations_[{service, operation}];
  ++durations.buckets[bucket];
  durations.nanoseconds += static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
}

void OperationMetrics::append(std::string& text) const {
  constexpr std::string_view kName = "millrace_aws_operation_duration_seconds";
  const MutexLock lock(mutex_);
  if (operations_.empty()) return;
  text += fmt::format(
      "# HELP {0} Calls of AWS's APIs, by service and operation: until the answer's head.\n# TYPE {0} histogram\n",
      kName);
  for (const auto& [name, durations] : operations_) {
    const std::string labels = fmt::format("service=\"{}\",operation=\"{}\"", name.first, name.second);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < durations.buckets.size(); ++i) {
      count += durations.buckets[i];
      const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
      text += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", kName, labels, bound, count);
    }
    text += fmt::format("{}_sum{{{}}} {}\n{}_count{{{}}} {}\n", kName, labels,
                        static_cast<double>(durations.nanoseconds) / 1e9, kName, labels, count);
  }
}

}  // namespace millrace::app
