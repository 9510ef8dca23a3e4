#include "pipelines/schedule/trigger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace millrace::pipelines::schedule {
namespace {

using testing::HasSubstr;

Time at(std::string_view text) { return *parse_rfc3339(text); }

Trigger trigger_of(const char* text) {
  auto trigger = read_trigger(*parse_json(text));
  if (!trigger) ADD_FAILURE() << text << ": " << trigger.error().message;
  return trigger ? *trigger : Trigger();
}

constexpr const char* kHourly = R"({"cron_schedule": {"cron": "@hourly"}})";
constexpr const char* kHourlyOnce =
    R"({"cron_schedule": {"cron": "@hourly", "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T03:30:00Z"}})";
constexpr const char* kTenMinutes = R"({"periodic_schedule": {"interval_second": "600"}})";
constexpr const char* kTenMinutesOnce =
    R"({"periodic_schedule": {"interval_second": 600, "start_time": "2026-01-01T00:00:30.7Z",
        "end_time": "2026-01-01T01:00:00+00:00"}})";

TEST(Trigger, NamesTheNextRun) {
  struct Case {
    const char *trigger, *last, *created, *next;
  };
  const char* never = "";
  for (const Case& c : {
           Case{kHourly, "", "2026-05-05T10:20:30.5Z", "2026-05-05T11:00:00Z"},
           Case{kHourly, "2026-05-05T11:00:00Z", "2026-05-05T10:20:30Z", "2026-05-05T12:00:00Z"},
           // A start in the past: from there, however late it was made. One that is a cron time itself is not run.
           Case{kHourlyOnce, "", "2026-05-05T10:20:30Z", "2026-01-01T01:00:00Z"},
           Case{kHourlyOnce, "2026-01-01T02:00:00Z", "2026-05-05T10:20:30Z", "2026-01-01T03:00:00Z"},
           Case{kHourlyOnce, "2026-01-01T03:00:00Z", "2026-05-05T10:20:30Z", never},
           // A start in the future.
           Case{kHourlyOnce, "", "2025-05-05T10:20:30Z", "2026-01-01T01:00:00Z"},
           Case{kTenMinutes, "", "2026-05-05T10:20:30.9Z", "2026-05-05T10:30:30Z"},
           Case{kTenMinutes, "2026-05-05T10:30:30Z", "2026-05-05T10:20:30Z", "2026-05-05T10:40:30Z"},
           Case{kTenMinutesOnce, "", "2026-05-05T10:20:30Z", "2026-01-01T00:10:30Z"},
           Case{kTenMinutesOnce, "2026-01-01T00:40:30Z", "2026-05-05T10:20:30Z", "2026-01-01T00:50:30Z"},
           Case{kTenMinutesOnce, "2026-01-01T00:50:30Z", "2026-05-05T10:20:30Z", never},
           // No trigger: one run, at once.
           Case{"{}", "", "2026-05-05T10:20:30.5Z", "2026-05-05T10:20:30Z"},
           Case{"{}", "2026-05-05T10:20:30Z", "2026-05-05T10:20:30.5Z", never},
       }) {
    const auto last = *c.last == '\0' ? std::nullopt : std::optional(at(c.last));
    const auto next = next_time(trigger_of(c.trigger), last, at(c.created));
    EXPECT_EQ(next ? format_rfc3339(*next) : "", c.next) << c.trigger << " after " << c.last;
  }
}

TEST(Trigger, SkipsWhatWasMissedWithoutCatchup) {
  struct Case {
    const char *trigger, *due, *now, *instead;
  };
  for (const Case& c : {
           Case{kHourly, "2026-05-05T11:00:00Z", "2026-05-05T11:00:00Z", "2026-05-05T11:00:00Z"},
           Case{kHourly, "2026-05-05T11:00:00Z", "2026-05-05T11:59:59Z", "2026-05-05T11:00:00Z"},
           Case{kHourly, "2026-05-05T11:00:00Z", "2026-05-07T09:30:00.2Z", "2026-05-07T09:00:00Z"},
           Case{kHourlyOnce, "2026-01-01T01:00:00Z", "2026-05-07T09:30:00Z", "2026-01-01T03:00:00Z"},
           Case{kTenMinutes, "2026-05-05T10:30:30Z", "2026-05-05T10:40:29Z", "2026-05-05T10:30:30Z"},
           Case{kTenMinutes, "2026-05-05T10:30:30Z", "2026-05-05T10:40:30Z", "2026-05-05T10:40:30Z"},
           Case{kTenMinutes, "2026-05-05T10:30:30Z", "2026-05-06T08:07:06Z", "2026-05-06T08:07:06Z"},
           Case{kTenMinutesOnce, "2026-01-01T00:10:30Z", "2026-05-06T08:07:06Z", "2026-01-01T01:00:00Z"},
           Case{"{}", "2026-05-05T10:20:30Z", "2026-05-06T10:20:30Z", "2026-05-05T10:20:30Z"},
       }) {
    EXPECT_EQ(format_rfc3339(without_catchup(trigger_of(c.trigger), at(c.due), at(c.now))), c.instead)
        << c.trigger << " at " << c.now;
  }
}

TEST(Trigger, SaysWhatIsWrong) {
  struct Case {
    const char *trigger, *error;
  };
  for (const Case& c : {
           Case{"[]", "trigger must be a JSON object"},
           Case{R"({"hourly": {}})", "unknown field \"hourly\""},
           Case{R"({"cron_schedule": {"cron": "@daily"}, "periodic_schedule": {"interval_second": 1}})", "not both"},
           Case{R"({"cron_schedule": {}})", "Empty spec string"},
           Case{R"({"cron_schedule": {"cron": "1 * * "}})",
                "Schedule cron is not a supported format(https://godoc.org/github.com/robfig/cron). Error: "
                "Expected 5 to 6 fields, found 3: 1 * * "},
           Case{R"({"cron_schedule": {"cron": 5}})", "must be a string"},
           Case{R"({"cron_schedule": {"cron": "@daily", "zone": "CET"}})", "unknown field \"zone\""},
           Case{R"({"cron_schedule": {"cron": "0 0 0 30 2 *"}})", "never comes"},
           Case{R"({"cron_schedule": {"cron": "@daily", "start_time": "tomorrow"}})", "start_time must be a timestamp"},
           Case{R"({"periodic_schedule": {}})",
                "Found invalid period schedule interval 0. Set at interval to least 1 second"},
           Case{R"({"periodic_schedule": {"interval_second": "-1"}})", "interval -1."},
           Case{R"({"periodic_schedule": {"interval_second": 1.5}})", "whole number"},
           Case{R"({"periodic_schedule": {"interval_second": "soon"}})", "whole number"},
           Case{R"({"periodic_schedule": {"interval_second": 9223372036854775807}})", "over"},
       }) {
    const auto trigger = read_trigger(*parse_json(c.trigger));
    ASSERT_FALSE(trigger) << c.trigger;
    EXPECT_EQ(trigger.error().code, Code::invalid_argument);
    EXPECT_THAT(trigger.error().message, HasSubstr(c.error));
  }
}

}  // namespace
}  // namespace millrace::pipelines::schedule
