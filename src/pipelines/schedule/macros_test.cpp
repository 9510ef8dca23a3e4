#include "pipelines/schedule/macros.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"

namespace millrace::pipelines::schedule {
namespace {

Time at(std::string_view text) { return *parse_rfc3339(text); }

TEST(Macros, AreFilledIn) {
  const Macros all{"some-run", at("1970-01-01T00:00:26Z"), at("1970-01-01T00:00:25Z"), 27};
  const Macros one_off{"some-run", at("1970-01-01T00:00:26Z"), std::nullopt, std::nullopt};
  struct Case {
    const char *text, *recurring, *once;
  };
  for (const Case& c : {
           Case{"", "", ""},
           Case{"FOO", "FOO", "FOO"},
           Case{"a [[RunUUID]] b", "a some-run b", "a some-run b"},
           Case{"[[ScheduledTime]]", "19700101000025", "[[ScheduledTime]]"},
           Case{"[[CurrentTime]]", "19700101000026", "19700101000026"},
           Case{"[[Index]]", "27", "[[Index]]"},
           Case{"[[ScheduledTime.15-04-05]]", "00-00-25", "[[ScheduledTime.15-04-05]]"},
           Case{"[[CurrentTime.2006-01-02]]", "1970-01-01", "1970-01-01"},
           Case{"[[ScheduledTime]][[RunUUID]] [[ScheduledTime]] [[Index]]", "19700101000025some-run 19700101000025 27",
                "[[ScheduledTime]]some-run [[ScheduledTime]] [[Index]]"},
           Case{"{{$.scheduledTime.strftime('%Y-%m-%d %H:%M:%S')}}", "1970-01-01 00:00:25",
                "{{$.scheduledTime.strftime('%Y-%m-%d %H:%M:%S')}}"},
           Case{"x{{$.currentTime.strftime('%s')}}y", "x26y", "x26y"},
           // not macros
           Case{"[[Unknown]] [[index]] [[ScheduledTimes]]", "[[Unknown]] [[index]] [[ScheduledTimes]]",
                "[[Unknown]] [[index]] [[ScheduledTimes]]"},
           Case{"[[Index] ]", "[[Index] ]", "[[Index] ]"},
           Case{"[[Index\n]] [[Index]]", "[[Index\n]] 27", "[[Index\n]] [[Index]]"},
           Case{"[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"},
           Case{"{{$.inputs.parameters['x']}} {{$.currentTime.strftime('%Q')}}",
                "{{$.inputs.parameters['x']}} {{$.currentTime.strftime('%Q')}}",
                "{{$.inputs.parameters['x']}} {{$.currentTime.strftime('%Q')}}"},
           Case{"{{$.currentTime.strftime('')}}|{{$.currentTime.strftime(')}}", "|{{$.currentTime.strftime(')}}",
                "|{{$.currentTime.strftime(')}}"},
           Case{"[[", "[[", "[["},
           Case{"{{$.", "{{$.", "{{$."},
       }) {
    EXPECT_EQ(expand(std::string_view(c.text), all), c.recurring) << c.text;
    EXPECT_EQ(expand(std::string_view(c.text), one_off), c.once) << c.text;
  }
}

TEST(Macros, AreFilledInAtAnyDepthAndOnlyInText) {
  const Macros macros{"run-id", at("1970-01-01T00:03:20Z"), at("1970-01-01T00:01:40Z"), 3};
  const Value given = *parse_json(
      R"({"nested": ["[[Index]]", {"[[Index]]": "[[ScheduledTime]]"}], "number": 42, "real": 1.5, "yes": true, "no": null})");
  EXPECT_EQ(to_json(expand(given, macros)),
            R"({"nested":["3",{"[[Index]]":"19700101000140"}],"number":42,"real":1.5,"yes":true,"no":null})");
}

TEST(Layout, IsReadAsGoDoes) {
  const Time time = at("2009-02-04T21:00:57Z");  // a Wednesday
  struct Case {
    const char *layout, *text;
  };
  for (const Case& c :
       {Case{"Mon Jan _2 15:04:05 2006", "Wed Feb  4 21:00:57 2009"},
        Case{"Mon Jan _2 15:04:05 MST 2006", "Wed Feb  4 21:00:57 UTC 2009"},
        Case{"02 Jan 06 15:04 -0700", "04 Feb 09 21:00 +0000"},
        Case{"Monday, 02-Jan-06 15:04:05 MST", "Wednesday, 04-Feb-09 21:00:57 UTC"},
        Case{"2006-01-02T15:04:05Z07:00", "2009-02-04T21:00:57Z"},
        Case{"2006-01-02T15:04:05.999999999Z07:00", "2009-02-04T21:00:57Z"},
        Case{"15:04:05.000 15:04:05,00", "21:00:57.000 21:00:57,00"}, Case{"3:04PM 03pm", "9:00PM 09pm"},
        Case{"January Janet Month Mond", "February Janet Month Mond"}, Case{"1/2/2006 002 __2", "2/4/2009 035  35"},
        Case{"_2006", "_2009"}, Case{"-07 -07:00 -07:00:00 -070000 Z07 Z0700", "+00 +00:00 +00:00:00 +000000 Z Z"},
        Case{"5 4", "57 0"}, Case{"year", "year"}}) {
    EXPECT_EQ(format_layout(time, c.layout), c.text) << c.layout;
  }
  EXPECT_EQ(format_layout(at("2009-02-04T00:00:00Z"), "3PM"), "12AM");
}

TEST(Layout, AgreesWithGo) {
  const auto path = std::filesystem::path(MILLRACE_SOURCE) / "src/pipelines/schedule/testdata" / "upstream.json";
  const Value table = *parse_json(*read_file(path));
  ASSERT_GE(table["layouts"].size(), 200u);
  for (const Value& c : table["layouts"].items())
    EXPECT_EQ(format_layout(at(c["time"].as_string()), c["layout"].as_string()), c["text"].as_string()) << to_json(c);
}

TEST(Strftime, KnowsItsConversions) {
  const Time time = at("2009-02-04T09:05:07Z");
  struct Case {
    const char *format, *text;
  };
  for (const Case& c :
       {Case{"%Y%m%d-%H%M%S", "20090204-090507"}, Case{"%A %a %B %b %h", "Wednesday Wed February Feb Feb"},
        Case{"%D %F %T %R %r", "02/04/09 2009-02-04 09:05:07 09:05 09:05:07 AM"},
        Case{"%e|%k|%l|%I|%p", " 4| 9| 9|09|AM"}, Case{"%j %U %V %u %w %y %C", "035 05 06 3 3 09 20"},
        Case{"%c", "Wed Feb  4 09:05:07 2009"}, Case{"%G %g %W %V", "2009 09 05 06"},
        Case{"%-d/%-m/%-y %-I%p %-j %-T %-z %-n%-%", "4/2/9 9AM 35 9:05:07 +0 \n%"},
        Case{"%v %Z %z %s %%", " 4-Feb-2009 UTC +0000 1233738307 %"}, Case{"%x %X%n%t", "02/04/09 09:05:07\n\t"}}) {
    EXPECT_EQ(format_strftime(time, c.format), c.text) << c.format;
  }
  for (const char* format : {"%", "%Q", "%Y %", "%E", "%-", "%--d", "%f"})
    EXPECT_FALSE(format_strftime(time, format)) << format;
}

}  // namespace
}  // namespace millrace::pipelines::schedule
