#pragma once
// Counts of answered requests, by API and status, and how long they took. Recording takes a few relaxed additions.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "app/router.h"

namespace millrace::app {

class RequestMetrics {
 public:
  void record(Api api, int status, std::chrono::nanoseconds took);
  // Appends its families in Prometheus's text format, version 0.0.4.
  void append(std::string& text) const;

  // Upper bounds in seconds; what takes longer is counted in the last bucket, +Inf.
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                         0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

 private:
  using Count = std::atomic<std::uint64_t>;
  static constexpr std::size_t kApis = 7, kFirstStatus = 100, kStatuses = 500;
  std::array<std::array<Count, kStatuses>, kApis> by_status_{};
  std::array<std::array<Count, kBounds.size() + 1>, kApis> by_time_{};
  std::array<Count, kApis> nanoseconds_{};
};

}  // namespace millrace::app
