#include "app/prune/retention.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace millrace::app {
namespace {

const Time kNow = *parse_rfc3339("2026-01-31T00:00:00Z");
constexpr std::int64_t kDay = 86'400;

// Ended 1, 2, 3, 10 and 40 days ago, of 1, 2, 4, 8 and 16 bytes.
std::vector<PrunableRun> runs() {
  std::vector<PrunableRun> out;
  std::uint64_t bytes = 1;
  for (const int days : {1, 2, 3, 10, 40}) {
    out.push_back({std::to_string(days), "", from_epoch_ms(to_epoch_ms(kNow) - days * kDay * 1'000), bytes});
    bytes *= 2;
  }
  return out;
}

Retention bounds(std::optional<std::int64_t> seconds, std::optional<std::size_t> keep,
                 std::optional<std::uint64_t> bytes) {
  return {seconds, keep, bytes};
}

std::string gone(const Retention& retention) {
  std::vector<std::string> ids;
  for (const PrunableRun& run : runs_to_prune(runs(), retention, kNow)) ids.push_back(run.id);
  return join(ids, " ");
}

TEST(Retention, NoneKeepsAll) {
  EXPECT_EQ(gone({}), "");
  EXPECT_FALSE(Retention{}.any());
}

TEST(Retention, ByAge) {
  EXPECT_EQ(gone(bounds(30 * kDay, {}, {})), "40");
  EXPECT_EQ(gone(bounds(3 * kDay, {}, {})), "10 40") << "not the one that is just as old";
  EXPECT_EQ(gone(bounds(0, {}, {})), "1 2 3 10 40");
}

TEST(Retention, ByCount) {
  EXPECT_EQ(gone(bounds({}, 2, {})), "3 10 40");
  EXPECT_EQ(gone(bounds({}, 0, {})), "1 2 3 10 40");
  EXPECT_EQ(gone(bounds({}, 5, {})), "");
}

TEST(Retention, ByBytes) {
  EXPECT_EQ(gone(bounds({}, {}, 7)), "10 40");
  EXPECT_EQ(gone(bounds({}, {}, 6)), "3 10 40");
  EXPECT_EQ(gone(bounds({}, {}, 0)), "1 2 3 10 40");
  EXPECT_EQ(gone(bounds({}, {}, 31)), "");
}

TEST(Retention, TheStrictestCounts) {
  EXPECT_EQ(gone(bounds(30 * kDay, 4, 7)), "10 40");
  EXPECT_EQ(gone(bounds(kDay, 100, {})), "2 3 10 40");
}

TEST(Retention, Ages) {
  const std::pair<const char*, std::int64_t> known[] = {
      {"0", 0}, {"90", 90}, {"90s", 90}, {"45m", 45 * 60}, {"12h", 12 * 3600}, {"30d", 30 * kDay}, {"2w", 14 * kDay}};
  for (const auto& [text, seconds] : known) EXPECT_EQ(*parse_age(text), seconds) << text;
  for (const char* text : {"", "d", "-1d", "1.5d", "1y", "30 d", "99999999999999999999d", "9999999w", "+1d"})
    EXPECT_FALSE(parse_age(text)) << text;
}

TEST(Retention, ThereAndBack) {
  const Retention all = bounds(1, 2, 3);
  EXPECT_EQ(to_value(*retention_from(to_value(all))), to_value(all));
  EXPECT_FALSE(retention_from(Value::object())->any());
  EXPECT_FALSE(retention_from(Value::object({{"keep", -1}})));
  EXPECT_FALSE(retention_from(Value::object({{"max_bytes", "20G"}})));
}

}  // namespace
}  // namespace millrace::app
