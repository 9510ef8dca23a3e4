#include "pipelines/schedule/trigger.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::pipelines::schedule {
namespace {

constexpr std::int64_t kMaxInterval = 100ll * 366 * 86'400;

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

Time whole(Time time) { return std::chrono::floor<std::chrono::seconds>(time); }

Result<std::optional<Time>> read_time(const Value& schedule, std::string_view name) {
  const Value& value = schedule[name];
  if (value.is_null()) return std::optional<Time>();
  const auto time = value.is_string() ? parse_rfc3339(value.as_string()) : Result<Time>(fail(bad("")));
  if (!time) return fail(bad(fmt::format("trigger: {} must be a timestamp as RFC 3339 has it", name)));
  return std::optional<Time>(whole(*time));
}

Status check_members(const Value& value, std::string_view what, std::initializer_list<std::string_view> names) {
  if (!value.is_object())
    return fail(bad(fmt::format("{} must be a JSON object, not {}", what, value.kind_with_article())));
  for (const auto& [name, member] : value.members()) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fail(bad(fmt::format("unknown field \"{}\" in {}", name, what)));
  }
  return {};
}

}  // namespace

Result<Trigger> read_trigger(const Value& message, std::shared_ptr<const TimeZone> zone) {
  Trigger trigger;
  if (message.is_null()) return trigger;
  MR_TRY(check_members(message, "trigger", {"cron_schedule", "periodic_schedule"}));
  const Value &cron = message["cron_schedule"], &periodic = message["periodic_schedule"];
  if (!cron.is_null() && !periodic.is_null())
    return fail(bad("trigger: it has a cron_schedule or a periodic_schedule, not both"));
  if (!cron.is_null()) {
    MR_TRY(check_members(cron, "cron_schedule", {"start_time", "end_time", "cron"}));
    if (!cron["cron"].is_null() && !cron["cron"].is_string()) return fail(bad("cron_schedule.cron must be a string"));
    auto parsed = Cron::parse(cron["cron"].string_or(), std::move(zone));
    if (!parsed) {
      return fail(bad(
          fmt::format("Schedule cron is not a supported format(https://godoc.org/github.com/robfig/cron). Error: {}",
                      parsed.error().message)));
    }
    trigger.cron = *parsed;
  }
  if (!periodic.is_null()) {
    MR_TRY(check_members(periodic, "periodic_schedule", {"start_time", "end_time", "interval_second"}));
    const Value& interval = periodic["interval_second"];
    // int64 comes as a string in proto's JSON.
    const auto seconds = interval.is_string()    ? parse_int(interval.as_string())
                         : interval.is_integer() ? std::optional(interval.as_int())
                         : interval.is_null()    ? std::optional<std::int64_t>(0)
                                                 : std::nullopt;
    if (!seconds) return fail(bad("periodic_schedule.interval_second must be a whole number"));
    if (*seconds < 1) {
      return fail(
          bad(fmt::format("Found invalid period schedule interval {}. Set at interval to least 1 second", *seconds)));
    }
    if (*seconds > kMaxInterval)
      return fail(bad(fmt::format("periodic_schedule.interval_second is over {}", kMaxInterval)));
    trigger.interval_seconds = *seconds;
  }
  const Value& schedule = cron.is_null() ? periodic : cron;
  trigger.start = MR_TRY(read_time(schedule, "start_time"));
  trigger.end = MR_TRY(read_time(schedule, "end_time"));
  // Without a run ever, upstream would take it for one that is always late.
  if (trigger.cron && !trigger.cron->next(trigger.start.value_or(Time{})))
    return fail(bad("Schedule cron names a day that never comes"));
  return trigger;
}

std::optional<Time> next_time(const Trigger& trigger, std::optional<Time> last, Time created) {
  const bool periodic = trigger.interval_seconds > 0;
  if (!trigger.cron && !periodic) return last ? std::nullopt : std::optional(whole(created));
  Time from = whole(last.value_or(trigger.start.value_or(created)));
  if (trigger.start) from = std::max(from, *trigger.start);
  const auto next =
      periodic ? std::optional<Time>(from + Millis(trigger.interval_seconds * 1'000)) : trigger.cron->next(from);
  if (!next || (trigger.end && *trigger.end < *next)) return std::nullopt;
  return next;
}

Time without_catchup(const Trigger& trigger, Time due, Time now) {
  const Time until = trigger.end ? std::min(whole(now), *trigger.end) : whole(now);
  if (until <= due) return due;
  if (trigger.cron) return trigger.cron->latest(due, until);
  const Millis interval(trigger.interval_seconds * 1'000);
  return interval > Millis(0) && whole(now) >= due + interval ? until : due;
}

}  // namespace millrace::pipelines::schedule
