#pragma once
// Wall-clock time in milliseconds and its wire formats. The clock is passed in, never read from a global.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

using Millis = std::chrono::milliseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, Millis>;

inline std::int64_t to_epoch_ms(Time t) { return t.time_since_epoch().count(); }
inline Time from_epoch_ms(std::int64_t ms) { return Time(Millis(ms)); }
inline double to_epoch_seconds(Time t) { return static_cast<double>(to_epoch_ms(t)) / 1000.0; }

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

// Moves only when advance() is called. Shared by all tests.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start = from_epoch_ms(1'700'000'000'000)) : now_ms_(to_epoch_ms(start)) {}
  Time now() const override { return from_epoch_ms(now_ms_.load()); }
  void advance(Millis by) { now_ms_ += by.count(); }
  void set(Time t) { now_ms_ = to_epoch_ms(t); }

 private:
  std::atomic<std::int64_t> now_ms_;
};

std::string format_rfc3339(Time t);         // 2026-01-02T03:04:05Z            (KFP, Kubernetes)
std::string format_rfc3339_millis(Time t);  // 2026-01-02T03:04:05.678Z        (S3 listings)
std::string format_amz_date(Time t);        // 20260102T030405Z                (SigV4)
std::string format_http_date(Time t);       // Fri, 02 Jan 2026 03:04:05 GMT   (RFC 9110)
std::string format_compact_date(Time t);    // 20260102                        (credential scope)

Result<Time> parse_rfc3339(std::string_view text);  // any fraction, Z or offset
Result<Time> parse_amz_date(std::string_view text);
Result<Time> parse_http_date(std::string_view text);

}  // namespace millrace
