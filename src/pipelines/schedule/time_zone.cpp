#include "pipelines/schedule/time_zone.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::pipelines::schedule {
namespace {

constexpr std::size_t kMaxFile = 1u << 20, kMaxName = 100, kHeader = 44;
constexpr std::int64_t kDay = 86'400;

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t value = (static_cast<unsigned char>(bytes[0]) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

struct Counts {
  std::size_t utc, standard, leaps, times, types, letters;
  std::size_t bytes(std::size_t time) const {
    return times * (time + 1) + types * 6 + letters + leaps * (time + 4) + standard + utc;
  }
};

std::optional<Counts> counts_of(std::string_view header) {
  if (header.size() < kHeader || !header.starts_with("TZif")) return std::nullopt;
  std::size_t counts[6];
  for (std::size_t i = 0; i < 6; ++i) {
    const std::int64_t count = big_endian(header.substr(20 + 4 * i, 4));
    if (count < 0 || count > static_cast<std::int64_t>(kMaxFile)) return std::nullopt;
    counts[i] = static_cast<std::size_t>(count);
  }
  return Counts{counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
}

// What is left of a rule; each takes its part from the front.
bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_name(std::string_view& text) {
  if (take(text, '<')) {
    const std::size_t end = text.find('>');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
    return true;
  }
  const std::size_t end = std::min(text.find_first_of("+-0123456789,"), text.size());
  text.remove_prefix(end);
  return end >= 3;
}

std::optional<int> take_number(std::string_view& text, int most) {
  std::size_t length = 0;
  while (length < text.size() && length < 4 && text[length] >= '0' && text[length] <= '9') ++length;
  const auto value = parse_int(text.substr(0, length));
  if (length == 0 || !value || *value > most) return std::nullopt;
  text.remove_prefix(length);
  return static_cast<int>(*value);
}

// [+-]hh[:mm[:ss]]
std::optional<std::int64_t> take_time(std::string_view& text) {
  const bool negative = take(text, '-');
  if (!negative) (void)take(text, '+');
  std::int64_t seconds = 0;
  for (const std::int64_t unit : {3'600, 60, 1}) {
    if (unit != 3'600 && !take(text, ':')) break;
    const auto part = take_number(text, unit == 3'600 ? 167 : 59);
    if (!part) return std::nullopt;
    seconds += *part * unit;
  }
  return negative ? -seconds : seconds;
}

}  // namespace

std::int64_t TimeZone::Change::in_year(int year) const {
  using namespace std::chrono;
  const std::chrono::year of(year);
  if (kind == Kind::month_week_day) {
    const std::chrono::month in(static_cast<unsigned>(month));
    const std::chrono::weekday on(static_cast<unsigned>(day));
    const sys_days date =
        week == 5 ? sys_days(of / in / on[last]) : sys_days(of / in / on[static_cast<unsigned>(week)]);
    return date.time_since_epoch().count() * kDay + second;
  }
  std::int64_t number = day;  // of the year, from 0
  if (kind == Kind::julian) number = day - 1 + (of.is_leap() && day >= 60 ? 1 : 0);
  return (sys_days(of / January / 1).time_since_epoch().count() + number) * kDay + second;
}

Result<TimeZone::Rule> TimeZone::parse_rule(std::string_view text) {
  Rule rule;
  const auto wrong = [] { return fail(bad("its last rule cannot be read")); };
  if (!take_name(text)) return wrong();
  auto offset = take_time(text);
  if (!offset) return wrong();
  rule.standard = -*offset;  // POSIX counts west of Greenwich
  if (text.empty()) return rule;
  if (!take_name(text)) return wrong();
  rule.has_summer = true;
  rule.summer = rule.standard + 3'600;
  if (!text.starts_with(',')) {
    offset = take_time(text);
    if (!offset) return wrong();
    rule.summer = -*offset;
  }
  for (Change* change : {&rule.to_summer, &rule.to_standard}) {
    if (!take(text, ',')) return wrong();
    if (take(text, 'M')) {
      change->kind = Change::Kind::month_week_day;
      const auto month = take_number(text, 12);
      const auto week = take(text, '.') ? take_number(text, 5) : std::nullopt;
      const auto day = take(text, '.') ? take_number(text, 6) : std::nullopt;
      if (!month || !week || !day || *month == 0 || *week == 0) return wrong();
      change->month = *month;
      change->week = *week;
      change->day = *day;
    } else {
      const bool julian = take(text, 'J');
      const auto day = take_number(text, 365);
      if (!day || (julian && *day == 0)) return wrong();
      change->kind = julian ? Change::Kind::julian : Change::Kind::day;
      change->day = *day;
    }
    if (!take(text, '/')) continue;
    const auto second = take_time(text);
    if (!second) return wrong();
    change->second = *second;
  }
  return text.empty() ? Result<Rule>(rule) : wrong();
}

TimeZone::Span TimeZone::by_rule(std::int64_t utc) const {
  if (!rule_.has_summer) return {INT64_MIN, INT64_MAX, rule_.standard};
  const std::int64_t day = (utc - ((utc % kDay) + kDay) % kDay) / kDay;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  struct Turn {
    std::int64_t at, offset;
  };
  std::vector<Turn> turns;
  for (int year = int(date.year()) - 1; year <= int(date.year()) + 1; ++year) {
    turns.push_back({rule_.to_summer.in_year(year) - rule_.standard, rule_.summer});
    turns.push_back({rule_.to_standard.in_year(year) - rule_.summer, rule_.standard});
  }
  std::ranges::sort(turns, {}, &Turn::at);
  for (std::size_t i = 0; i + 1 < turns.size(); ++i) {
    if (utc < turns[i + 1].at) return {turns[i].at, turns[i + 1].at, turns[i].offset};
  }
  return {turns.back().at, INT64_MAX, turns.back().offset};
}

TimeZone::Span TimeZone::at(std::int64_t utc) const {
  const auto next = std::ranges::upper_bound(transitions_, utc);
  if (next == transitions_.end()) {
    Span span = by_rule(utc);
    if (!transitions_.empty()) span.begin = std::max(span.begin, transitions_.back());
    return span;
  }
  const auto place = static_cast<std::size_t>(next - transitions_.begin());
  if (place == 0) return {INT64_MIN, *next, first_offset_};
  return {transitions_[place - 1], *next, offsets_[place - 1]};
}

Result<TimeZone> TimeZone::parse(std::string_view file) {
  const auto damaged = [] { return fail(bad("it is no time zone's file")); };
  const auto first = counts_of(file);
  if (!first || file.size() < kHeader + first->bytes(4)) return damaged();
  std::size_t time = 4;
  Counts counts = *first;
  if (file[4] >= '2') {  // the same again, with times of 64 bits
    file.remove_prefix(kHeader + first->bytes(4));
    const auto second = counts_of(file);
    if (!second || file.size() < kHeader + second->bytes(8)) return damaged();
    counts = *second;
    time = 8;
  }
  if (counts.types == 0) return damaged();
  const std::string_view times = file.substr(kHeader), indexes = times.substr(counts.times * time),
                         types = indexes.substr(counts.times);
  const auto offset_of = [&](std::size_t type) { return big_endian(types.substr(type * 6, 4)); };
  TimeZone zone;
  zone.first_offset_ = offset_of(0);
  for (std::size_t i = 0; i < counts.times; ++i) {
    const auto type = static_cast<unsigned char>(indexes[i]);
    if (type >= counts.types) return damaged();
    zone.transitions_.push_back(big_endian(times.substr(i * time, time)));
    zone.offsets_.push_back(offset_of(type));
  }
  if (!std::ranges::is_sorted(zone.transitions_)) return damaged();
  zone.rule_.standard = zone.offsets_.empty() ? zone.first_offset_ : zone.offsets_.back();
  if (time == 8) {
    const std::string_view footer = trim(file.substr(kHeader + counts.bytes(8)));
    if (!footer.empty()) zone.rule_ = MR_TRY(parse_rule(footer));
  }
  return zone;
}

Result<std::shared_ptr<const TimeZone>> TimeZone::find(std::string_view name, const std::filesystem::path& database) {
  const auto unknown = [&](std::string_view why) {
    return fail(bad(fmt::format("unknown time zone {}: {}", name, why)));
  };
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
           c == '-' || c == '/';
  };
  if (name.empty() || name.size() > kMaxName || name.front() == '/' || !std::ranges::all_of(name, allowed))
    return unknown("a name such as Europe/Berlin is expected");
  const auto file = read_file(database / name, kMaxFile);  // trusted-path: the machine's own
  if (!file) {
    if (name == "UTC") return std::make_shared<const TimeZone>();  // also of a machine without a database
    return unknown(fmt::format("{} has no such file", database.native()));
  }
  auto zone = parse(*file);
  if (!zone) return unknown(zone.error().message);
  return std::make_shared<const TimeZone>(std::move(*zone));
}

}  // namespace millrace::pipelines::schedule
