#include "app/cli/recurring.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/time.h"

namespace millrace::app {
namespace {

Value with_trigger(const std::string& trigger) {
  return *parse_json(R"({"status":"ENABLED","created_at":"2026-01-02T03:04:05Z","trigger":)" + trigger + "}");
}

TEST(CliRecurring, SchedulesAreNamedWithTheirZone) {
  EXPECT_EQ(schedule_text(with_trigger(R"({"cron_schedule":{"cron":"0 30 2 * * *"}})")), "0 30 2 * * * (UTC)");
  for (const char* prefix : {"CRON_TZ", "TZ"}) {
    EXPECT_EQ(schedule_text(with_trigger(std::string(R"({"cron_schedule":{"cron":")") + prefix +
                                         R"(=Europe/Berlin 0 30 2 * * *"}})")),
              "0 30 2 * * * (Europe/Berlin)");
  }
  EXPECT_EQ(schedule_text(with_trigger(R"({"periodic_schedule":{"interval_second":"5400"}})")), "every 1 h 30 m");
  EXPECT_EQ(schedule_text(with_trigger("{}")), "once");
  EXPECT_EQ(schedule_text(with_trigger(R"({"cron_schedule":{"cron":"@daily"}})"), "Asia/Tokyo"), "@daily (Asia/Tokyo)");
  EXPECT_EQ(cron_time_zone(Value::object({{"cron_time_zone", "Asia/Tokyo"}})), "Asia/Tokyo");
  EXPECT_EQ(cron_time_zone(Value::object()), "UTC");
}

TEST(CliRecurring, TheNextTimesAreThoseToCome) {
  const Time now = SystemClock().now();
  for (const char* trigger :
       {R"({"cron_schedule":{"cron":"@hourly"}})",
        R"({"periodic_schedule":{"interval_second":"3600","start_time":"2020-01-01T00:00:00Z"}})"}) {
    const std::string text = next_times(with_trigger(trigger));
    const auto times = split(text, ',');
    ASSERT_EQ(times.size(), 3U) << text;
    Time earlier = now;
    for (const std::string_view each : times) {
      const auto time = parse_rfc3339(trim(each));
      ASSERT_TRUE(time) << text;
      EXPECT_GE(*time, earlier - Millis(1'000));
      EXPECT_LE(*time, earlier + Millis(3'601'000));
      EXPECT_EQ(to_epoch_ms(*time) % 3'600'000, 0) << text;
      earlier = *time;
    }
  }
  EXPECT_EQ(next_times(with_trigger(R"({"cron_schedule":{"cron":"@hourly","end_time":"2020-01-01T00:00:00Z"}})")),
            "none");
  EXPECT_EQ(next_times(with_trigger("{}")), "none");
  const auto daily = with_trigger(R"({"cron_schedule":{"cron":"0 0 9 * * *"}})");
  EXPECT_NE(next_times(daily, "Asia/Tokyo").find("T00:00:00Z"), std::string::npos) << next_times(daily, "Asia/Tokyo");
  EXPECT_EQ(next_times(with_trigger(R"({"cron_schedule":{"cron":"soon"}})")), "as the server says");
}

}  // namespace
}  // namespace millrace::app
