#pragma once
// Cron expressions as KFP takes them, in the time zone that they name, or a given one. Source: github.com/robfig/cron
// v1 (its doc.go), which KFP uses:
//   second minute hour day-of-month month [day-of-week]   values, ranges, lists, steps, names of months and days
//   @yearly @annually @monthly @weekly @daily @midnight @hourly   @every 1h30m
//   CRON_TZ=Europe/Berlin …, TZ=…: before any of them, as robfig/cron v3 has it
// By the clocks of a time zone: what falls into an hour that they skip does not happen, and what falls into one that
// they have twice happens twice.
// When both days are restricted, one of them is enough; a field with * or ? is not restricted. Pure.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "pipelines/schedule/time_zone.h"

namespace millrace::pipelines::schedule {

class Cron {
 public:
  static constexpr std::size_t kMaxText = 1'024;
  // `zone`: of an expression that names none; null: UTC. Errors: invalid_argument, in upstream's words where it has
  // some.
  static Result<Cron> parse(std::string_view text, std::shared_ptr<const TimeZone> zone = nullptr);

  // The first time after `time`, a whole second. None: there is no such day within 40 years (29 February on a Sunday
  // may take that long; 30 February never comes).
  std::optional<Time> next(Time time) const;
  // The last one that is not after `until`, of those from `first` on, which is one of them and not after `until`.
  Time latest(Time first, Time until) const;

 private:
  // The same by one clock: seconds since 1970 as that one counts them.
  std::optional<std::int64_t> next_by_clock(std::int64_t from) const;  // `from` is among them
  std::optional<std::int64_t> latest_by_clock(std::int64_t first, std::int64_t until) const;
  std::optional<std::int64_t> last_on(std::int64_t day, std::int64_t until_second) const;  // second of the day
  std::optional<std::int64_t> first_on(std::int64_t day, std::int64_t from_second) const;

  std::shared_ptr<const TimeZone> zone_;  // null: UTC. Shared by the copies
  std::int64_t every_ = 0;                // seconds; 0: the fields count
  std::uint64_t second_ = 0, minute_ = 0, hour_ = 0, day_ = 0, month_ = 0, weekday_ = 0;
};

}  // namespace millrace::pipelines::schedule
