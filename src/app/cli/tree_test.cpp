#include "app/cli/tree.h"

#include <gtest/gtest.h>

#include "app/cli/text.h"
#include "base/json.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

Value run() {
  return *parse_json(R"({"run_id":"0123456789","display_name":"hello","state":"FAILED",
    "created_at":"2026-01-02T03:04:00Z","finished_at":"2026-01-02T03:04:09Z","run_details":{"task_details":[
    {"task_id":"root","display_name":"root","state":"FAILED",
     "start_time":"2026-01-02T03:04:00.000Z","end_time":"2026-01-02T03:04:08.500Z"},
    {"task_id":"root/loop","parent_task_id":"root","display_name":"loop","state":"SUCCEEDED",
     "start_time":"2026-01-02T03:04:00Z","end_time":"2026-01-02T03:04:01.250Z"},
    {"task_id":"root/loop/0","parent_task_id":"root/loop","display_name":"work","state":"SUCCEEDED","pod_name":"p0",
     "start_time":"2026-01-02T03:04:00Z","end_time":"2026-01-02T03:04:01Z"},
    {"task_id":"root/loop/1","parent_task_id":"root/loop","display_name":"work","state":"RUNNING","pod_name":"p1",
     "start_time":"2026-01-02T03:04:00Z"},
    {"task_id":"root/bad","parent_task_id":"root","display_name":"b\u001b[31mad","state":"FAILED","pod_name":"p2",
     "start_time":"2026-01-02T03:04:01Z","end_time":"2026-01-02T03:05:31Z","error":{"message":"exit\ncode 1"}},
    {"task_id":"root/later","parent_task_id":"root","display_name":"later","state":"SKIPPED"}]}})");
}

const Time kNow = *parse_rfc3339("2026-01-02T03:04:10Z");

TEST(CliTree, IsDrawnDepthFirst) {
  EXPECT_EQ(join(draw_tree(run(), kNow, {100, 0, false}), "\n"),
            "✗ hello  failed · 8.50 s · 01234567\n"
            "├─ ● loop     succeeded    1.25 s\n"
            "│  ├─ ● work  succeeded    1.00 s\n"
            "│  └─ ◐ work  running      10.0 s\n"
            "├─ ✗ bad      failed     1 m 30 s  exit code 1\n"
            "└─ – later    skipped");
}

TEST(CliTree, FoldsWhatIsDoneWhereThereIsNoRoom) {
  const auto lines = draw_tree(run(), kNow, {100, 4, false});
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_NE(lines[1].find("loop"), std::string::npos);
  EXPECT_EQ(join(lines, "\n").find("work"), std::string::npos);
  EXPECT_EQ(draw_tree(run(), kNow, {100, 3, false}).back(), "… and 2 more");
}

TEST(CliTree, LinesAreNoLongerThanTheTerminal) {
  for (const std::string& line : draw_tree(run(), kNow, {40, 0, false})) EXPECT_LE(display_width(line), 40U) << line;
}

// A recursion may be thousands of groups deep: all are drawn, but not ever further to the right.
TEST(CliTree, DrawsADeepNest) {
  Value tasks = Value::array({Value::object({{"task_id", "root"}, {"display_name", "root"}})});
  for (int i = 0; i < 1'500; ++i) {
    const std::string id = "task " + std::to_string(i), above = i == 0 ? "root" : "task " + std::to_string(i - 1);
    tasks.push(Value::object({{"task_id", id}, {"parent_task_id", above}, {"display_name", id}}));
  }
  const Value deep = Value::object({{"run_details", Value::object({{"task_details", std::move(tasks)}})}});
  const auto lines = task_tree(deep, kNow);
  ASSERT_EQ(lines.size(), 1'500U);
  EXPECT_EQ(lines[1].path, "task 0/task 1");
  EXPECT_LT(lines.back().guide.size(), 400U);
  EXPECT_LT(lines.back().path.size(), 700U);
  EXPECT_TRUE(lines.back().path.ends_with("/task 1499"));
}

// What is drawn over is counted in lines: none may take two.
TEST(CliTree, LinesFitANarrowTerminal) {
  Value wide = run();
  wide.set("display_name", "名前の長いパイプライン🚀 and more");
  wide.child("run_details").child("task_details").as_array()[1].set("display_name", "日本語のとても長いタスク名");
  for (const std::size_t width : {5U, 12U, 20U, 31U, 60U}) {
    for (const std::string& line : draw_tree(wide, kNow, {width, 4, false}))
      EXPECT_LE(display_width(line), width) << line;
  }
}

TEST(CliText, WidthsAreColumns) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("äöü"), 3U);
  EXPECT_EQ(display_width("a\u0308"), 1U);  // the dots stand on the a
  EXPECT_EQ(display_width("名前"), 4U);
  EXPECT_EQ(display_width("🚀 up"), 5U);
  EXPECT_EQ(display_width("\xff\x80"), 2U);  // no UTF-8
  EXPECT_EQ(cut("名前です", 5), "名前…");
  EXPECT_EQ(cut("名前です", 4), "名…");
  EXPECT_EQ(cut("名前です", 8), "名前です");
  EXPECT_EQ(pad("名", 4), "名  ");
}

TEST(CliText, Durations) {
  EXPECT_EQ(duration_text(0.004), "0.00 s");
  EXPECT_EQ(duration_text(9.999), "10.0 s");
  EXPECT_EQ(duration_text(59.96), "1 m 00 s");
  EXPECT_EQ(duration_text(3599.4), "59 m 59 s");
  EXPECT_EQ(duration_text(3840), "1 h 04 m");
}

}  // namespace
}  // namespace millrace::app
