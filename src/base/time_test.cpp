#include "base/time.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

constexpr std::int64_t kSample = 1767323045678;  // Fri, 02 Jan 2026 03:04:05.678 UTC

TEST(Time, Formats) {
  const Time t = from_epoch_ms(kSample);
  EXPECT_EQ(format_rfc3339(t), "2026-01-02T03:04:05Z");
  EXPECT_EQ(format_rfc3339_millis(t), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(format_amz_date(t), "20260102T030405Z");
  EXPECT_EQ(format_http_date(t), "Fri, 02 Jan 2026 03:04:05 GMT");
  EXPECT_EQ(format_compact_date(t), "20260102");
  EXPECT_EQ(format_rfc3339_millis(from_epoch_ms(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_http_date(from_epoch_ms(951782400000)), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_DOUBLE_EQ(to_epoch_seconds(t), 1767323045.678);
}

TEST(Time, ReadsRfc3339) {
  const std::pair<std::string_view, std::int64_t> rows[] = {
      {"2026-01-02T03:04:05.678Z", kSample},        {"2026-01-02T03:04:05.6781239Z", kSample},
      {"2026-01-02T03:04:05Z", kSample - 678},      {"2026-01-02t03:04:05.6z", kSample - 78},
      {"2026-01-02T05:34:05+02:30", kSample - 678}, {"2026-01-01T22:04:05.678-05:00", kSample},
      {"2024-02-29T00:00:00Z", 1709164800000},      {"1970-01-01T00:00:00Z", 0},
  };
  for (const auto& [text, expected] : rows) {
    const auto t = parse_rfc3339(text);
    ASSERT_TRUE(t) << text;
    EXPECT_EQ(to_epoch_ms(*t), expected) << text;
  }
  for (const std::string_view text :
       {"", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2025-02-29T00:00:00Z", "2026-01-02T24:04:05Z",
        "2026-01-02T03:60:05Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+0230",
        "2026-01-02T03:04:05+25:00", "20x6-01-02T03:04:05Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Time, ReadsAmzAndHttpDates) {
  EXPECT_EQ(to_epoch_ms(*parse_amz_date("20260102T030405Z")), kSample - 678);
  EXPECT_EQ(to_epoch_ms(*parse_http_date("Fri, 02 Jan 2026 03:04:05 GMT")), kSample - 678);
  for (const std::string_view text :
       {"", "20260102T030405", "2026010xT030405Z", "20261302T030405Z", "2026-01-02T030Z"}) {
    EXPECT_FALSE(parse_amz_date(text)) << text;
  }
  for (const std::string_view text :
       {"", "Fri, 02 Jam 2026 03:04:05 GMT", "xxxxx02xJanx2026x03x04x05 GMT", "Fri, 02 Jan 2026 03:04:05 CET"}) {
    EXPECT_FALSE(parse_http_date(text)) << text;
  }
}

TEST(Time, AFakeClockMovesOnlyWhenTold) {
  FakeClock clock;
  const Time start = clock.now();
  EXPECT_EQ(clock.now(), start);
  clock.advance(Millis(1500));
  EXPECT_EQ((clock.now() - start).count(), 1500);
}

}  // namespace
}  // namespace millrace
