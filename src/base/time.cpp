#include "base/time.h"

#include <array>
#include <cstdio>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace {
namespace {

using Days = std::chrono::time_point<std::chrono::system_clock, std::chrono::days>;

struct Parts {
  int year, month, day, hour, minute, second, millis, weekday;
};

Parts parts_of(Time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  const auto of_day = (t - day).count();
  return {int(date.year()),
          static_cast<int>(unsigned(date.month())),
          static_cast<int>(unsigned(date.day())),
          static_cast<int>(of_day / 3'600'000),
          static_cast<int>(of_day / 60'000 % 60),
          static_cast<int>(of_day / 1000 % 60),
          static_cast<int>(of_day % 1000),
          static_cast<int>(std::chrono::weekday{day}.c_encoding())};
}

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// The number in `count` digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

Result<Time> make_time(std::string_view text, int year, int month, int day, int hour, int minute, int second,
                       int millis) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 0 || month < 0 || day < 0 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return fail(Code::invalid_argument, fmt::format("\"{}\" is not a time", text));
  }
  return Time(std::chrono::time_point_cast<Millis>(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
              std::chrono::minutes(minute) + std::chrono::seconds(second) + Millis(millis));
}

}  // namespace

Time SystemClock::now() const { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }

std::string format_rfc3339(Time t) {
  const Parts p = parts_of(t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", p.year, p.month, p.day, p.hour, p.minute, p.second);
}

std::string format_rfc3339_millis(Time t) {
  const Parts p = parts_of(t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", p.year, p.month, p.day, p.hour, p.minute, p.second,
                     p.millis);
}

std::string format_amz_date(Time t) {
  const Parts p = parts_of(t);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", p.year, p.month, p.day, p.hour, p.minute, p.second);
}

std::string format_http_date(Time t) {
  const Parts p = parts_of(t);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(p.weekday)], p.day,
                     kMonths[static_cast<std::size_t>(p.month - 1)], p.year, p.hour, p.minute, p.second);
}

std::string format_compact_date(Time t) {
  const Parts p = parts_of(t);
  return fmt::format("{:04}{:02}{:02}", p.year, p.month, p.day);
}

Result<Time> parse_rfc3339(std::string_view text) {
  const auto bad = [&] { return fail(Code::invalid_argument, fmt::format("\"{}\" is not an RFC 3339 time", text)); };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
      text[13] != ':' || text[16] != ':') {
    return bad();
  }
  std::size_t at = 19;
  int millis = 0;
  if (text[at] == '.') {
    int scale = 100;
    if (digits(text, at + 1, 1) < 0) return bad();
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      millis += (text[at] - '0') * scale;
    }
  }
  int offset_minutes = 0;
  if (at >= text.size()) return bad();
  if (text[at] == 'Z' || text[at] == 'z') {
    if (at + 1 != text.size()) return bad();
  } else {
    const int hours = digits(text, at + 1, 2), minutes = digits(text, at + 4, 2);
    if ((text[at] != '+' && text[at] != '-') || text.size() != at + 6 || text[at + 3] != ':' || hours < 0 ||
        hours > 23 || minutes < 0 || minutes > 59) {
      return bad();
    }
    offset_minutes = (hours * 60 + minutes) * (text[at] == '+' ? 1 : -1);
  }
  const Time local = MR_TRY(make_time(text, digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2),
                                      digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2), millis));
  return local - std::chrono::minutes(offset_minutes);
}

Result<Time> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') {
    return fail(Code::invalid_argument, fmt::format("\"{}\" is not a time like 20260102T030405Z", text));
  }
  return make_time(text, digits(text, 0, 4), digits(text, 4, 2), digits(text, 6, 2), digits(text, 9, 2),
                   digits(text, 11, 2), digits(text, 13, 2), 0);
}

Result<Time> parse_http_date(std::string_view text) {
  // IMF-fixdate only: "Fri, 02 Jan 2026 03:04:05 GMT".
  if (text.size() != 29 || !text.ends_with(" GMT") || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
      text[16] != ' ' || text[19] != ':' || text[22] != ':') {
    return fail(Code::invalid_argument, fmt::format("\"{}\" is not an HTTP date", text));
  }
  int month = 0;
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (text.substr(8, 3) == kMonths[i]) month = static_cast<int>(i) + 1;
  }
  return make_time(text, digits(text, 12, 4), month, digits(text, 5, 2), digits(text, 17, 2), digits(text, 20, 2),
                   digits(text, 23, 2), 0);
}

}  // namespace millrace
