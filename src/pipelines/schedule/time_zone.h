#pragma once
// Time zones of the machine's own database (/usr/share/zoneinfo): how far its clocks are from UTC, and until when.
// Source: RFC 8536 (TZif); POSIX, "Environment Variables", TZ, for the rule that follows the last transition.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::pipelines::schedule {

class TimeZone {
 public:
  // A stretch of time with one offset, in seconds since 1970; local time is UTC + offset.
  struct Span {
    std::int64_t begin = INT64_MIN, end = INT64_MAX;  // of UTC; the end is not in it
    std::int64_t offset = 0;
  };

  // "Europe/Berlin", "UTC", … Errors: invalid_argument, where the database has none of this name.
  static Result<std::shared_ptr<const TimeZone>> find(std::string_view name,
                                                      const std::filesystem::path& database = "/usr/share/zoneinfo");
  // A file of the database. Errors: invalid_argument for what is none.
  static Result<TimeZone> parse(std::string_view file);

  Span at(std::int64_t utc) const;

 private:
  // "M3.5.0/2", "J60", "59": a day of the year and the second of it, by the clock before the change.
  struct Change {
    enum class Kind { month_week_day, julian, day } kind = Kind::day;
    int month = 0, week = 0, day = 0;
    std::int64_t second = 7'200;
    std::int64_t in_year(int year) const;  // seconds since 1970, as if that clock were UTC
  };
  struct Rule {
    std::int64_t standard = 0, summer = 0;  // offsets
    bool has_summer = false;
    Change to_summer, to_standard;
  };
  static Result<Rule> parse_rule(std::string_view text);
  Span by_rule(std::int64_t utc) const;

  std::vector<std::int64_t> transitions_;  // ascending
  std::vector<std::int64_t> offsets_;      // from each of them on
  std::int64_t first_offset_ = 0;          // before the first
  Rule rule_;                              // after the last
};

}  // namespace millrace::pipelines::schedule
