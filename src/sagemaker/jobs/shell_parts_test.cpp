// The small engines beneath the shell: alarm, reconciler, line cutter, the search for commands.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/file.h"
#include "sagemaker/jobs/alarm.h"
#include "sagemaker/jobs/log_follower.h"
#include "sagemaker/jobs/reconciler.h"
#include "sagemaker/jobs/sandbox.h"

namespace millrace::sagemaker {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

TEST(Alarm, CallsInTheOrderOfTheTimes) {
  Alarm alarm;
  std::vector<int> order;
  std::promise<void> done;
  alarm.after(30ms, [&] {
    order.push_back(2);
    done.set_value();
  });
  alarm.after(1ms, [&] { order.push_back(1); });
  ASSERT_EQ(done.get_future().wait_for(5s), std::future_status::ready);
  EXPECT_THAT(order, ElementsAre(1, 2));
}

TEST(Reconciler, NeverTwiceAtOnceAndNeverTooFew) {
  std::atomic<int> at_once{0}, worst{0}, runs{0}, seen{0};
  std::atomic<int> version{0};
  {
    Reconciler reconciler(4, [&](const std::string&) {
      worst = std::max(worst.load(), ++at_once);
      const int now = version.load();
      std::this_thread::sleep_for(1ms);
      seen = now;
      ++runs;
      --at_once;
    });
    for (int i = 1; i <= 200; ++i) {
      version = i;
      reconciler.poke("job");
    }
    for (int i = 0; i < 2'000 && seen != 200; ++i) std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(worst, 1);
  EXPECT_EQ(seen, 200);  // a run began after the last poke
  EXPECT_LT(runs, 200);  // and pokes in between were one
}

TEST(Reconciler, DifferentNamesGoSideBySide) {
  std::promise<void> a_runs, b_runs;
  Reconciler reconciler(2, [&](const std::string& name) {
    auto& mine = name == "a" ? a_runs : b_runs;
    auto& other = name == "a" ? b_runs : a_runs;
    mine.set_value();
    EXPECT_EQ(other.get_future().wait_for(5s), std::future_status::ready);
  });
  reconciler.poke("a");
  reconciler.poke("b");
  std::this_thread::sleep_for(20ms);
}

TEST(LineCutter, AnyCutOfTheBytesGivesTheSameLines) {
  const std::string text = "one\r\n\ntwo\nthree " + std::string(LineCutter::kMaxLine, 'x') + "\nlast";
  std::vector<std::string> whole;
  for (const std::size_t piece : {text.size(), std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    std::vector<std::string> lines;
    const auto take = [&](std::string_view line) { lines.emplace_back(line); };
    LineCutter cutter;
    for (std::size_t at = 0; at < text.size(); at += piece) cutter.add(std::string_view(text).substr(at, piece), take);
    cutter.end(take);
    if (whole.empty()) whole = lines;
    EXPECT_EQ(lines, whole);
  }
  ASSERT_EQ(whole.size(), 5u);
  EXPECT_EQ(whole[0], "one");
  EXPECT_EQ(whole[2].size(), LineCutter::kMaxLine);
  EXPECT_EQ(whole[3], "xxxxxx");
  EXPECT_EQ(whole[4], "last");
}

TEST(Sandbox, CommandsAreFoundOnThePath) {
  EXPECT_EQ(find_command("sh", "/nowhere:/bin"), "/bin/sh");
  EXPECT_EQ(find_command("/bin/sh", ""), "/bin/sh");
  EXPECT_EQ(find_command("no-such-command", "/bin"), "");
  EXPECT_EQ(find_command("/etc/passwd", ""), "");  // not executable
}

}  // namespace
}  // namespace millrace::sagemaker
