#include "app/operate/request_metrics.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

namespace millrace::app {
namespace {

// In the order of Api.
constexpr std::array<std::string_view, 7> kNames = {"credentials", "identity", "aws",    "pipelines",
                                                    "kubernetes",  "console",  "refused"};

}  // namespace

void RequestMetrics::record(Api api, int status, std::chrono::nanoseconds took) {
  const auto row = static_cast<std::size_t>(api);
  const auto code = static_cast<std::size_t>(std::max(status, static_cast<int>(kFirstStatus))) - kFirstStatus;
  const double seconds = std::chrono::duration<double>(took).count();
  const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin());
  by_status_[row][std::min(code, kStatuses - 1)].fetch_add(1, std::memory_order_relaxed);
  by_time_[row][bucket].fetch_add(1, std::memory_order_relaxed);
  nanoseconds_[row].fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)),
                              std::memory_order_relaxed);
}

void RequestMetrics::append(std::string& text) const {
  text +=
      "# HELP millrace_requests_total Requests that were answered, by API and HTTP status.\n"
      "# TYPE millrace_requests_total counter\n";
  for (std::size_t api = 0; api < kApis; ++api) {
    for (std::size_t code = 0; code < kStatuses; ++code) {
      const auto count = by_status_[api][code].load(std::memory_order_relaxed);
      if (count > 0)
        text += fmt::format("millrace_requests_total{{api=\"{}\",code=\"{}\"}} {}\n", kNames[api], code + kFirstStatus,
                            count);
    }
  }
  text +=
      "# HELP millrace_request_duration_seconds From a request's head to its answer.\n"
      "# TYPE millrace_request_duration_seconds histogram\n";
  for (std::size_t api = 0; api < kApis; ++api) {
    std::uint64_t count = 0;
    std::string buckets;
    for (std::size_t i = 0; i < kBounds.size() + 1; ++i) {
      count += by_time_[api][i].load(std::memory_order_relaxed);
      const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
      buckets += fmt::format("millrace_request_duration_seconds_bucket{{api=\"{}\",le=\"{}\"}} {}\n", kNames[api],
                             bound, count);
    }
    if (count == 0) continue;
    text += buckets;
    text += fmt::format("millrace_request_duration_seconds_sum{{api=\"{}\"}} {}\n", kNames[api],
                        static_cast<double>(nanoseconds_[api].load(std::memory_order_relaxed)) / 1e9);
    text += fmt::format("millrace_request_duration_seconds_count{{api=\"{}\"}} {}\n", kNames[api], count);
  }
}

}  // namespace millrace::app
