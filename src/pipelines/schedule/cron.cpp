#include "pipelines/schedule/cron.h"

#include <array>
#include <bit>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"
#include "pipelines/schedule/duration.h"

namespace millrace::pipelines::schedule {
namespace {

constexpr std::uint64_t kStar = 1ull << 63;  // the field had a * or ?
constexpr std::int64_t kDay = 86'400;
constexpr int kHorizonYears = 40;
constexpr std::int64_t kMaxNumber = 1'000'000;  // larger than any field's; keeps sums small

using Names = std::array<std::string_view, 12>;
constexpr Names kMonths = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr Names kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Bounds {
  std::int64_t min, max;
  const Names* names = nullptr;
};
constexpr Bounds kSeconds{0, 59}, kMinutes{0, 59}, kHours{0, 23}, kMonthDays{1, 31}, kYearMonths{1, 12, &kMonths},
    kWeekDays{0, 6, &kDays};

constexpr std::pair<std::string_view, std::string_view> kDescriptors[] = {
    {"@yearly", "0 0 0 1 1 *"}, {"@annually", "0 0 0 1 1 *"}, {"@monthly", "0 0 0 1 * *"}, {"@weekly", "0 0 0 * * 0"},
    {"@daily", "0 0 0 * * *"},  {"@midnight", "0 0 0 * * *"}, {"@hourly", "0 0 * * * *"}};
constexpr std::string_view kEvery = "@every ";
constexpr std::string_view kZones[] = {"CRON_TZ=", "TZ="};

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

Result<std::int64_t> number(std::string_view text) {
  const auto value = parse_int(text);
  if (!value || *value > kMaxNumber) return fail(bad(fmt::format("Failed to parse int from {}", text)));
  if (*value < 0) return fail(bad(fmt::format("Negative number ({}) not allowed: {}", *value, text)));
  return *value;
}

Result<std::int64_t> number_or_name(std::string_view text, const Bounds& bounds) {
  if (bounds.names != nullptr) {
    for (std::size_t i = 0; i < bounds.names->size(); ++i) {
      if (!text.empty() && equals_ignore_case((*bounds.names)[i], text))
        return static_cast<std::int64_t>(i) + bounds.min;
    }
  }
  return number(text);
}

// "5", "1-5", "*/10", "5/10": from 5 to the end, every 10.
Result<std::uint64_t> range(std::string_view text, const Bounds& bounds) {
  const auto parts = split(text, '/');
  const auto ends = split(parts[0], '-');
  std::uint64_t bits = 0;
  std::int64_t begin = bounds.min, end = bounds.max, step = 1;
  if (ends[0] == "*" || ends[0] == "?") {
    bits = kStar;
  } else {
    if (ends.size() > 2) return fail(bad(fmt::format("Too many hyphens: {}", text)));
    begin = end = MR_TRY(number_or_name(ends[0], bounds));
    if (ends.size() == 2) end = MR_TRY(number_or_name(ends[1], bounds));
    if (parts.size() == 2 && ends.size() == 1) end = bounds.max;
  }
  if (parts.size() > 2) return fail(bad(fmt::format("Too many slashes: {}", text)));
  if (parts.size() == 2) step = MR_TRY(number(parts[1]));
  if (begin < bounds.min)
    return fail(bad(fmt::format("Beginning of range ({}) below minimum ({}): {}", begin, bounds.min, text)));
  if (end > bounds.max)
    return fail(bad(fmt::format("End of range ({}) above maximum ({}): {}", end, bounds.max, text)));
  if (begin > end)
    return fail(bad(fmt::format("Beginning of range ({}) beyond end of range ({}): {}", begin, end, text)));
  if (step == 0) return fail(bad(fmt::format("Step of range should be a positive number: {}", text)));
  for (std::int64_t i = begin; i <= end; i += step) bits |= 1ull << i;
  return bits;
}

Result<std::uint64_t> field(std::string_view text, const Bounds& bounds) {
  std::uint64_t bits = 0;
  for (const std::string_view part : split(text, ',')) {
    if (!part.empty()) bits |= MR_TRY(range(part, bounds));
  }
  if (bits == 0) return fail(bad(fmt::format("the field {} names no value", text)));
  return bits;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t\r\n", at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

bool has(std::uint64_t bits, std::int64_t value) { return (bits >> value & 1) != 0; }
// The least value of the set from `from` on; the greatest one up to `until`. -1: none.
std::int64_t at_least(std::uint64_t bits, std::int64_t from) {
  if (from > 62) return -1;
  const std::uint64_t left = (bits & ~kStar) >> from << from;
  return left == 0 ? -1 : std::countr_zero(left);
}
std::int64_t at_most(std::uint64_t bits, std::int64_t until) {
  if (until < 0) return -1;
  const std::uint64_t left = bits & ((2ull << until) - 1);
  return left == 0 ? -1 : 63 - std::countl_zero(left);
}

std::int64_t seconds_of(Time time) { return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count(); }
Time time_of(std::int64_t seconds) { return from_epoch_ms(seconds * 1'000); }
std::int64_t floor_day(std::int64_t seconds) { return (seconds - ((seconds % kDay) + kDay) % kDay) / kDay; }

std::chrono::sys_days days_of(std::int64_t day) { return std::chrono::sys_days(std::chrono::days(day)); }

}  // namespace

Result<Cron> Cron::parse(std::string_view text, std::shared_ptr<const TimeZone> zone) {
  Cron cron;
  cron.zone_ = std::move(zone);
  if (text.empty()) return fail(bad("Empty spec string"));
  if (text.size() > kMaxText) return fail(bad(fmt::format("the expression is longer than {} bytes", kMaxText)));
  for (const std::string_view prefix : kZones) {
    if (!text.starts_with(prefix)) continue;
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    cron.zone_ = MR_TRY(TimeZone::find(text.substr(prefix.size(), end - prefix.size())));
    text = trim(text.substr(end));
    if (text.empty()) return fail(bad("Empty spec string"));
    break;
  }
  std::string_view fields = text;
  if (text.starts_with(kEvery)) {
    // Parts of a second are dropped, and less than one is one.
    const auto every = parse_duration(text.substr(kEvery.size()));
    if (!every) return fail(bad(fmt::format("Failed to parse duration {}", text)));
    if (*every < Millis(0)) return fail(bad(fmt::format("the delay of {} is negative", text)));
    cron.every_ = std::max<std::int64_t>(every->count() / 1'000, 1);
    return cron;
  }
  if (text.starts_with('@')) {
    fields = {};
    for (const auto& [name, meaning] : kDescriptors) {
      if (name == text) fields = meaning;
    }
    if (fields.empty()) return fail(bad(fmt::format("Unrecognized descriptor: {}", text)));
  }
  auto words = words_of(fields);
  if (words.size() != 5 && words.size() != 6)
    return fail(bad(fmt::format("Expected 5 to 6 fields, found {}: {}", words.size(), text)));
  if (words.size() == 5) words.push_back("*");
  cron.second_ = MR_TRY(field(words[0], kSeconds));
  cron.minute_ = MR_TRY(field(words[1], kMinutes));
  cron.hour_ = MR_TRY(field(words[2], kHours));
  cron.day_ = MR_TRY(field(words[3], kMonthDays));
  cron.month_ = MR_TRY(field(words[4], kYearMonths));
  cron.weekday_ = MR_TRY(field(words[5], kWeekDays));
  return cron;
}

std::optional<std::int64_t> Cron::first_on(std::int64_t day, std::int64_t from) const {
  const std::chrono::year_month_day date{days_of(day)};
  const bool in_month = has(day_, static_cast<unsigned>(date.day()));
  const bool in_week = has(weekday_, std::chrono::weekday(days_of(day)).c_encoding());
  const bool either = (day_ & kStar) == 0 && (weekday_ & kStar) == 0;
  if (!has(month_, static_cast<unsigned>(date.month())) || !(either ? in_month || in_week : in_month && in_week))
    return std::nullopt;
  std::int64_t hour = from / 3'600, minute = from / 60 % 60, second = at_least(second_, from % 60);
  if (second < 0) {
    second = at_least(second_, 0);
    ++minute;
  }
  // What comes later in a field begins the smaller ones anew.
  if (const std::int64_t found = at_least(minute_, minute); found != minute) {
    second = at_least(second_, 0);
    if (found < 0) ++hour;
    minute = found < 0 ? at_least(minute_, 0) : found;
  }
  if (const std::int64_t found = at_least(hour_, hour); found != hour) {
    if (found < 0) return std::nullopt;
    hour = found;
    minute = at_least(minute_, 0);
    second = at_least(second_, 0);
  }
  return hour * 3'600 + minute * 60 + second;
}

std::optional<std::int64_t> Cron::last_on(std::int64_t day, std::int64_t until) const {
  if (!first_on(day, 0)) return std::nullopt;
  std::int64_t hour = until / 3'600, minute = until / 60 % 60, second = at_most(second_, until % 60);
  if (second < 0) {
    second = at_most(second_, 59);
    --minute;
  }
  if (const std::int64_t found = at_most(minute_, minute); found < 0 || found != minute) {
    second = at_most(second_, 59);
    if (found < 0) --hour;
    minute = found < 0 ? at_most(minute_, 59) : found;
  }
  if (const std::int64_t found = at_most(hour_, hour); found < 0 || found != hour) {
    if (found < 0) return std::nullopt;
    hour = found;
    minute = at_most(minute_, 59);
    second = at_most(second_, 59);
  }
  return hour * 3'600 + minute * 60 + second;
}

std::optional<std::int64_t> Cron::next_by_clock(std::int64_t from) const {
  std::int64_t day = floor_day(from), second = from - day * kDay;
  const std::chrono::year_month_day begin{days_of(day)};
  while (true) {
    const std::chrono::year_month_day date{days_of(day)};
    if (int(date.year()) > int(begin.year()) + kHorizonYears) return std::nullopt;
    if (!has(month_, static_cast<unsigned>(date.month()))) {
      const auto month = date.year() / date.month() + std::chrono::months(1);
      day = std::chrono::sys_days(month / 1).time_since_epoch().count();
    } else {
      if (const auto found = first_on(day, second)) return day * kDay + *found;
      ++day;
    }
    second = 0;
  }
}

std::optional<Time> Cron::next(Time time) const {
  if (every_ > 0) return time_of(seconds_of(time) + every_);
  std::int64_t from = seconds_of(time) + 1;
  if (!zone_) {
    const auto found = next_by_clock(from);
    return found ? std::optional(time_of(*found)) : std::nullopt;
  }
  const std::int64_t horizon = from + (kHorizonYears + 1) * 366 * kDay;
  while (from < horizon) {
    const TimeZone::Span span = zone_->at(from);
    const auto found = next_by_clock(from + span.offset);
    if (!found) return std::nullopt;
    if (*found - span.offset < span.end) return time_of(*found - span.offset);
    from = span.end;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Cron::latest_by_clock(std::int64_t first, std::int64_t until) const {
  for (std::int64_t day = floor_day(until); day >= floor_day(first); --day) {
    const auto found = last_on(day, std::min(until - day * kDay, kDay - 1));
    if (found) return day * kDay + *found >= first ? std::optional(day * kDay + *found) : std::nullopt;
  }
  return std::nullopt;
}

Time Cron::latest(Time first, Time until) const {
  const std::int64_t begin = seconds_of(first);
  std::int64_t end = seconds_of(until);
  if (every_ > 0) return time_of(begin + (end - begin) / every_ * every_);
  while (end >= begin) {
    const TimeZone::Span span = zone_ ? zone_->at(end) : TimeZone::Span{};
    const std::int64_t from = std::max(begin, span.begin);
    if (const auto found = latest_by_clock(from + span.offset, end + span.offset)) return time_of(*found - span.offset);
    end = from - 1;
  }
  return first;
}

}  // namespace millrace::pipelines::schedule
