// By the machine's own database, whose rules of these zones have not changed for decades.

#include "pipelines/schedule/time_zone.h"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/schedule/cron.h"

namespace millrace::pipelines::schedule {
namespace {

using testing::HasSubstr;

Time at(std::string_view text) { return *parse_rfc3339(text); }

bool has_database() { return std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin"); }

TEST(TimeZone, NamesTheNextTimeByItsClocks) {
  if (!has_database() && std::getenv("CI") == nullptr) GTEST_SKIP() << "this machine has no time zones (tzdata)";
  ASSERT_TRUE(has_database());
  struct Case {
    const char *cron, *from, *next;
  };
  const Case cases[] = {
      {"CRON_TZ=Europe/Berlin 0 0 9 * * *", "2026-07-09T00:00:00Z", "2026-07-09T07:00:00Z"},
      {"TZ=Europe/Berlin 0 0 9 * * *", "2026-01-09T00:00:00Z", "2026-01-09T08:00:00Z"},
      {"CRON_TZ=Asia/Tokyo 0 30 0 * * MON", "2026-07-09T00:00:00Z", "2026-07-12T15:30:00Z"},
      {"CRON_TZ=America/New_York @daily", "2026-07-09T04:00:00Z", "2026-07-10T04:00:00Z"},
      {"CRON_TZ=Asia/Kolkata 0 0 * * * *", "2026-07-09T00:00:00Z", "2026-07-09T00:30:00Z"},
      {"TZ=UTC 0 0 9 * * *", "2026-07-09T00:00:00Z", "2026-07-09T09:00:00Z"},
      // an hour that is skipped, one that comes twice
      {"CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
      {"CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
      {"CRON_TZ=Europe/Berlin 0 30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
      {"CRON_TZ=Europe/Berlin 0 0 * * * *", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
      // after the last transition that the file has
      {"CRON_TZ=Europe/Berlin 0 0 9 * * *", "2061-07-09T00:00:00Z", "2061-07-09T07:00:00Z"},
      {"CRON_TZ=Australia/Sydney 0 0 9 * * *", "2061-01-09T00:00:00Z", "2061-01-09T22:00:00Z"},
      {"CRON_TZ=Europe/Berlin @every 1h", "2026-07-09T00:00:00Z", "2026-07-09T01:00:00Z"},
  };
  for (const Case& c : cases) {
    const auto cron = Cron::parse(c.cron);
    ASSERT_TRUE(cron) << c.cron << ": " << cron.error().message;
    const auto next = cron->next(at(c.from));
    ASSERT_TRUE(next) << c.cron;
    EXPECT_EQ(format_rfc3339(*next), format_rfc3339(at(c.next))) << c.cron << " from " << c.from;
    EXPECT_EQ(format_rfc3339(cron->latest(*next, *next + Millis(1'000))), format_rfc3339(*next)) << c.cron;
  }
  const auto daily = Cron::parse("CRON_TZ=Europe/Berlin 0 0 9 * * *");
  EXPECT_EQ(format_rfc3339(daily->latest(at("2026-01-01T08:00:00Z"), at("2026-07-09T06:59:59Z"))),
            format_rfc3339(at("2026-07-08T07:00:00Z")));
}

TEST(TimeZone, IsAGivenOneWhereACronNamesNone) {
  const auto zone = *TimeZone::find("Asia/Tokyo");
  const auto next = [&](const char* cron) {
    return format_rfc3339(*Cron::parse(cron, zone)->next(at("2026-07-09T00:00:00Z")));
  };
  EXPECT_EQ(next("0 30 0 * * *"), format_rfc3339(at("2026-07-09T15:30:00Z")));
  EXPECT_EQ(next("@daily"), format_rfc3339(at("2026-07-09T15:00:00Z")));
  EXPECT_EQ(next("TZ=UTC 0 30 0 * * *"), format_rfc3339(at("2026-07-09T00:30:00Z")));
  EXPECT_EQ(next("CRON_TZ=Europe/Berlin 0 30 0 * * *"), format_rfc3339(at("2026-07-09T22:30:00Z")));
  EXPECT_EQ(next("@every 1h"), format_rfc3339(at("2026-07-09T01:00:00Z")));
}

TEST(TimeZone, IsRefusedWhereItIsNone) {
  for (const char* cron : {"CRON_TZ=Mars/Base 0 0 9 * * *", "TZ= 0 0 9 * * *", "TZ=../../../etc/passwd 0 0 9 * * *",
                           "TZ=/etc/localtime 0 0 9 * * *", "CRON_TZ=Europe 0 0 9 * * *"}) {
    const auto parsed = Cron::parse(cron);
    ASSERT_FALSE(parsed) << cron;
    EXPECT_THAT(parsed.error().message, HasSubstr("unknown time zone")) << cron;
  }
  EXPECT_FALSE(Cron::parse("TZ=UTC"));
  EXPECT_FALSE(TimeZone::parse("TZif2"));
  EXPECT_FALSE(TimeZone::parse(std::string("TZif2") + std::string(200, '\xff')));
}

}  // namespace
}  // namespace millrace::pipelines::schedule
