// Tables: an expression, a time, and when it comes next. The cases of days and steps are those that robfig/cron and
// KFP's users meet.

#include "pipelines/schedule/cron.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "pipelines/schedule/duration.h"

namespace millrace::pipelines::schedule {
namespace {

using testing::HasSubstr;

Time at(std::string_view text) { return *parse_rfc3339(text); }

TEST(Cron, NamesTheNextTime) {
  struct Case {
    const char *cron, *from, *next;
  };
  for (const Case& c : {
           // every field
           Case{"* * * * * *", "2026-07-09T14:45:00Z", "2026-07-09T14:45:01Z"},
           Case{"* * * * * ?", "2026-07-09T14:45:00.999Z", "2026-07-09T14:45:01Z"},
           Case{"0 0/15 * * * *", "2026-07-09T14:45:00Z", "2026-07-09T15:00:00Z"},
           Case{"0 0/15 * * * *", "2026-07-09T14:59:59Z", "2026-07-09T15:00:00Z"},
           Case{"0 20-35/15 * * * *", "2026-07-09T14:45:00Z", "2026-07-09T15:20:00Z"},
           Case{"0 */15 * * * *", "2026-07-09T23:45:00Z", "2026-07-10T00:00:00Z"},
           Case{"15/35 20-35/15 * * * *", "2026-07-09T23:45:00Z", "2026-07-10T00:20:15Z"},
           Case{"15/35 20-35/15 1/2 * * *", "2026-07-09T23:45:00Z", "2026-07-10T01:20:15Z"},
           Case{"15/35 20-35/15 10-12 * * *", "2026-07-09T23:45:00Z", "2026-07-10T10:20:15Z"},
           Case{"15/35 20-35/15 1/2 */2 * *", "2026-07-09T23:35:51Z", "2026-07-11T01:20:15Z"},
           Case{"30 59 23 31 12 *", "2026-12-31T23:59:30Z", "2027-12-31T23:59:30Z"},
           Case{"10,30,50 5 7 * * *", "2026-07-09T07:05:30Z", "2026-07-09T07:05:50Z"},
           Case{"10,30 5 7 * * *", "2026-07-09T07:05:30Z", "2026-07-10T07:05:10Z"},
           Case{"0 5 7 * * *", "2026-07-09T07:06:00Z", "2026-07-10T07:05:00Z"},
           // five fields: the last one is any day of the week
           Case{"0 30 8 * *", "2026-07-09T09:00:00Z", "2026-07-10T08:30:00Z"},
           Case{" 0\t30 8  * * ", "2026-07-09T09:00:00Z", "2026-07-10T08:30:00Z"},
           // months and days by name, in either case
           Case{"0 0 0 1 feb ?", "2026-07-09T00:00:00Z", "2027-02-01T00:00:00Z"},
           Case{"0 0 0 * JAN-Mar mon", "2026-07-09T00:00:00Z", "2027-01-04T00:00:00Z"},
           Case{"0 0 9 ? * 2-6", "2026-07-09T10:00:00Z", "2026-07-10T09:00:00Z"},
           Case{"0 0 9 ? * MON-FRI", "2026-07-10T10:00:00Z", "2026-07-13T09:00:00Z"},
           Case{"0 0 0 ? * sat,sun", "2026-07-13T00:00:00Z", "2026-07-18T00:00:00Z"},
           // both days restricted: either; a star with a step is a star, so both
           Case{"0 0 0 1,15 * sun", "2026-07-09T00:00:00Z", "2026-07-12T00:00:00Z"},
           Case{"0 0 0 1,15 * sun", "2026-07-12T00:00:00Z", "2026-07-15T00:00:00Z"},
           Case{"0 0 0 */10 * sun", "2026-07-09T00:00:00Z", "2026-10-11T00:00:00Z"},
           Case{"0 0 0 1-7 * *", "2026-07-09T00:00:00Z", "2026-08-01T00:00:00Z"},
           // the calendar
           Case{"0 0 0 29 2 ?", "2026-07-09T00:00:00Z", "2028-02-29T00:00:00Z"},
           Case{"0 0 0 29 2 */7", "2026-07-09T00:00:00Z", "2032-02-29T00:00:00Z"},
           Case{"0 0 0 31 * ?", "2026-08-31T00:00:00Z", "2026-10-31T00:00:00Z"},
           Case{"0 0 0 1 1 ?", "1969-06-01T00:00:00Z", "1970-01-01T00:00:00Z"},
           // descriptors
           Case{"@yearly", "2026-07-09T10:00:00Z", "2027-01-01T00:00:00Z"},
           Case{"@annually", "2026-07-09T10:00:00Z", "2027-01-01T00:00:00Z"},
           Case{"@monthly", "2026-07-09T10:00:00Z", "2026-08-01T00:00:00Z"},
           Case{"@weekly", "2026-07-09T10:00:00Z", "2026-07-12T00:00:00Z"},
           Case{"@daily", "2026-07-09T10:00:00Z", "2026-07-10T00:00:00Z"},
           Case{"@midnight", "2026-07-09T00:00:00Z", "2026-07-10T00:00:00Z"},
           Case{"@hourly", "2026-07-09T10:00:00Z", "2026-07-09T11:00:00Z"},
           Case{"@every 1h30m", "2026-07-09T10:00:05.5Z", "2026-07-09T11:30:05Z"},
           Case{"@every 1500ms", "2026-07-09T10:00:00Z", "2026-07-09T10:00:01Z"},
           Case{"@every 10ns", "2026-07-09T10:00:00Z", "2026-07-09T10:00:01Z"},
       }) {
    const auto cron = Cron::parse(c.cron);
    ASSERT_TRUE(cron) << c.cron << ": " << cron.error().message;
    const auto next = cron->next(at(c.from));
    ASSERT_TRUE(next) << c.cron;
    EXPECT_EQ(format_rfc3339(*next), c.next) << c.cron << " after " << c.from;
  }
}

// testdata/upstream.json: what the library says that upstream uses.
TEST(Cron, AgreesWithUpstream) {
  const auto path = std::filesystem::path(MILLRACE_SOURCE) / "src/pipelines/schedule/testdata" / "upstream.json";
  const Value table = *parse_json(*read_file(path));
  ASSERT_GE(table["next"].size(), 400u);
  for (const Value& c : table["next"].items()) {
    const auto cron = Cron::parse(c["cron"].as_string());
    ASSERT_TRUE(cron) << to_json(c) << cron.error().message;
    Time time = at(c["from"].as_string());
    for (const Value& next : c["next"].items()) {
      time = cron->next(time).value_or(Time{});
      EXPECT_EQ(format_rfc3339(time), next.as_string()) << to_json(c);
    }
  }
  ASSERT_GE(table["errors"].size(), 30u);
  for (const Value& c : table["errors"].items()) {
    const auto cron = Cron::parse(c["cron"].as_string());
    ASSERT_FALSE(cron) << to_json(c);
    EXPECT_EQ(cron.error().message, c["error"].as_string()) << to_json(c);
  }
}

TEST(Cron, ComesNeverWhereNoDayIsMeant) {
  for (const char* text : {"0 0 0 30 2 ?", "0 0 0 31 4,6,9,11 *"}) {
    const auto cron = Cron::parse(text);
    ASSERT_TRUE(cron) << text;
    EXPECT_FALSE(cron->next(at("2026-07-09T00:00:00Z"))) << text;
  }
}

TEST(Cron, SaysWhatIsWrong) {
  struct Case {
    const char *cron, *error;
  };
  for (const Case& c : {Case{"", "Empty spec string"},
                        Case{"1 * *", "Expected 5 to 6 fields, found 3: 1 * *"},
                        Case{"* * * * * * *", "Expected 5 to 6 fields, found 7: * * * * * * *"},
                        Case{"* 5 j * * *", "Failed to parse int from j"},
                        Case{"60 * * * * *", "End of range (60) above maximum (59): 60"},
                        Case{"0 0 24 * * *", "End of range (24) above maximum (23): 24"},
                        Case{"0 0 0 0 * *", "Beginning of range (0) below minimum (1): 0"},
                        Case{"0 0 0 * 13 *", "End of range (13) above maximum (12): 13"},
                        Case{"0 0 0 * * 7", "End of range (7) above maximum (6): 7"},
                        Case{"0 5-3 * * * *", "Beginning of range (5) beyond end of range (3): 5-3"},
                        Case{"0 1-2-3 * * * *", "Too many hyphens: 1-2-3"},
                        Case{"0 */2/3 * * * *", "Too many slashes: */2/3"},
                        Case{"0 */0 * * * *", "Step of range should be a positive number: */0"},
                        Case{"0 */-2 * * * *", "Negative number (-2) not allowed: -2"},
                        Case{"0 -2 * * * *", "Failed to parse int from "},
                        Case{"0 99999999999999999999 * * * *", "Failed to parse int from 99999999999999999999"},
                        Case{"0 , * * * *", "the field , names no value"},
                        Case{"@fortnightly", "Unrecognized descriptor: @fortnightly"},
                        Case{"@every", "Unrecognized descriptor: @every"},
                        Case{"@every 5", "Failed to parse duration @every 5"},
                        Case{"@every Xm", "Failed to parse duration @every Xm"},
                        Case{"@every -1h", "negative"}}) {
    const auto cron = Cron::parse(c.cron);
    ASSERT_FALSE(cron) << c.cron;
    EXPECT_EQ(cron.error().code, Code::invalid_argument);
    EXPECT_THAT(cron.error().message, HasSubstr(c.error));
  }
  EXPECT_FALSE(Cron::parse(std::string(Cron::kMaxText + 1, '*')));
}

// The last time up to one is where counting forward ends.
TEST(Cron, FindsTheLatestTimeAsCountingWould) {
  for (const char* text :
       {"* * * * * *", "*/7 * * * * *", "5,50 */13 * * * *", "0 59 23 * * *", "0 0 0 1 * *", "30 5 3-4 */3 * mon",
        "59 0 12 13 * fri", "0 0 0 29 2 ?", "@every 7s", "@every 25h", "0 0-58/2 1 * * *", "10-20 0 0 * * *"}) {
    const auto cron = Cron::parse(text);
    ASSERT_TRUE(cron) << text;
    for (const char* from : {"2026-02-27T23:59:50Z", "2028-02-28T11:00:00Z", "1969-12-31T23:00:00Z"}) {
      const Time first = *cron->next(at(from));
      Time last = first;
      for (int i = 0; i < 60; ++i) {
        const Time following = *cron->next(last);
        EXPECT_EQ(cron->latest(first, last), last) << text;
        EXPECT_EQ(cron->latest(first, following - Millis(1)), last) << text << " " << format_rfc3339(following);
        EXPECT_EQ(cron->latest(first, last + (following - last) / 2), last) << text;
        last = following;
      }
    }
  }
}

TEST(Cron, IsQuickOverDecades) {
  const auto cron = Cron::parse("* * * * * *");
  EXPECT_EQ(format_rfc3339(cron->latest(at("1970-01-01T00:00:00Z"), at("2026-07-09T10:11:12Z"))),
            "2026-07-09T10:11:12Z");
  const auto rare = Cron::parse("0 0 0 29 2 ?");
  EXPECT_EQ(format_rfc3339(rare->latest(at("1972-02-29T00:00:00Z"), at("2027-07-09T10:11:12Z"))),
            "2024-02-29T00:00:00Z");
}

TEST(Duration, IsReadAsGoDoes) {
  struct Case {
    const char* text;
    std::int64_t millis;
  };
  for (const Case& c :
       {Case{"0", 0}, Case{"5s", 5'000}, Case{"1h30m", 5'400'000}, Case{"1.5h", 5'400'000}, Case{"-1m", -60'000},
        Case{"+300ms", 300}, Case{"2us", 0}, Case{"1m1ms", 60'001}, Case{".5s", 500}, Case{"3000µs", 3}}) {
    const auto length = parse_duration(c.text);
    ASSERT_TRUE(length) << c.text;
    EXPECT_EQ(length->count(), c.millis) << c.text;
  }
  for (const char* text : {"", "-", "1", "h", "1x", "1h2", "1..5s", "1 h", "3000000h", "s5"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace millrace::pipelines::schedule
