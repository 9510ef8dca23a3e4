#pragma once
// How long the operations of AWS's APIs took, each by its name. The gateway names an operation once it has parsed the
// request, on the thread that called it; the time is that of the call. A mutex and a look-up for each call.

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace millrace::app {

class OperationMetrics {
 public:
  // Around a call of the gateway, on its thread.
  class Call {
   public:
    Call();
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
  };
  // Within a Call; without one, or without an operation, nothing is counted. The names are those of the services'
  // tables, and so bounded.
  void record(const std::string& service, const std::string& operation);
  void record(const std::string& service, const std::string& operation, std::chrono::nanoseconds took);

  // Appends its family in Prometheus's text format, version 0.0.4.
  void append(std::string& text) const;

  // Upper bounds in seconds; what takes longer is counted in the last bucket, +Inf.
  static constexpr std::array kBounds = {0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0};

 private:
  struct Durations {
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};
    std::uint64_t nanoseconds = 0;
  };
  mutable Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Durations> operations_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::app
