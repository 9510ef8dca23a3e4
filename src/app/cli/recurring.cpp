#include "app/cli/recurring.h"

#include <vector>

#include <fmt/core.h>

#include "app/cli/text.h"
#include "base/strings.h"
#include "base/time.h"
#include "pipelines/schedule/trigger.h"

namespace millrace::app {
namespace {

constexpr std::size_t kTimesShown = 3;
constexpr std::string_view kZones[] = {"CRON_TZ=", "TZ="};  // before the fields, as robfig/cron has it

}  // namespace

std::string recurring_state(const Value& recurring) { return to_lower(recurring["status"].string_or()); }

std::string schedule_text(const Value& recurring, const std::string& zone) {
  const Value& trigger = recurring["trigger"];
  if (trigger.has("periodic_schedule")) {
    const auto seconds = parse_int(trigger["periodic_schedule"]["interval_second"].string_or());
    return "every " + duration_text(static_cast<double>(seconds.value_or(0)));
  }
  const std::string cron = one_line(trigger["cron_schedule"]["cron"].string_or());
  if (cron.empty()) return "once";
  const std::size_t blank = cron.find(' ');
  for (const std::string_view prefix : kZones) {
    if (!cron.starts_with(prefix) || blank == std::string::npos) continue;
    return fmt::format("{} ({})", trim(std::string_view(cron).substr(blank)),
                       std::string_view(cron).substr(prefix.size(), blank - prefix.size()));
  }
  return fmt::format("{} ({})", cron, zone);
}

std::string cron_time_zone(const Value& health) { return one_line(health["cron_time_zone"].string_or("UTC")); }

std::string next_times(const Value& recurring, const std::string& zone) {
  const auto clocks = pipelines::schedule::TimeZone::find(zone);
  if (!clocks) return "as the server says";
  const auto trigger = pipelines::schedule::read_trigger(recurring["trigger"], *clocks);
  const auto created = parse_rfc3339(recurring["created_at"].string_or());
  if (!trigger || !created) return "as the server says";
  std::vector<std::string> times;
  // A period counts from the one before it, which began with the trigger.
  const Time now = SystemClock().now();
  auto next = pipelines::schedule::next_time(*trigger, std::nullopt, *created);
  for (; next && times.size() < kTimesShown; next = pipelines::schedule::next_time(*trigger, *next, *created)) {
    if (*next < now && trigger->interval_seconds > 0) {
      const std::int64_t periods = (now - *next).count() / (trigger->interval_seconds * 1'000);
      *next += Millis(periods * trigger->interval_seconds * 1'000);
    } else if (*next < now && trigger->cron) {
      *next = trigger->cron->latest(*next, now);
    }
    if (*next >= now) times.push_back(format_rfc3339(*next));
  }
  return times.empty() ? "none" : join(times, ", ");
}

}  // namespace millrace::app
