#include "base/timers.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

namespace millrace {
namespace {

class ManualTimers : public testing::Test {
 protected:
  Timers::Call say(std::string word) {
    return [this, word = std::move(word)] { said_ += word; };
  }
  FakeClock clock_;
  Timers timers_{clock_, Timers::Manual()};
  std::string said_;
};

TEST_F(ManualTimers, CallInTheOrderOfTheirTimesAndNotBefore) {
  timers_.after(Millis(30), say("c"));
  timers_.after(Millis(10), say("a"));
  timers_.after(Millis(20), say("b"));
  EXPECT_EQ(timers_.run_due(), 0U);
  EXPECT_EQ(timers_.next(), clock_.now() + Millis(10));
  clock_.advance(Millis(20));
  EXPECT_EQ(timers_.run_due(), 2U);
  EXPECT_EQ(said_, "ab");
  EXPECT_EQ(timers_.size(), 1U);
  clock_.advance(Millis(10));
  EXPECT_EQ(timers_.run_due(), 1U);
  EXPECT_EQ(said_, "abc");
  EXPECT_EQ(timers_.next(), std::nullopt);
}

TEST_F(ManualTimers, KeepTheOrderOfWhatIsDueAtOnce) {
  for (const char* word : {"a", "b", "c"}) timers_.at(clock_.now(), say(word));
  EXPECT_EQ(timers_.run_due(), 3U);
  EXPECT_EQ(said_, "abc");
}

TEST_F(ManualTimers, CallWhatACallSetsForNow) {
  timers_.after(Millis(0), [this] { timers_.after(Millis(0), say("again")); });
  EXPECT_EQ(timers_.run_due(), 2U);
  EXPECT_EQ(said_, "again");
}

TEST_F(ManualTimers, EndWithTheirOwner) {
  {
    const auto dropped = timers_.timer_after(Millis(10), say("dropped"));
    auto kept = timers_.timer_after(Millis(10), say("kept"));
    auto moved = std::move(kept);
    EXPECT_EQ(timers_.size(), 2U);
    clock_.advance(Millis(10));
    timers_.run_due();
    EXPECT_EQ(said_, "droppedkept");
    moved = timers_.timer_after(Millis(10), say("first"));
    moved = timers_.timer_after(Millis(10), say("second"));
    EXPECT_EQ(timers_.size(), 1U);
  }
  EXPECT_EQ(timers_.size(), 0U);
  clock_.advance(Millis(10));
  EXPECT_EQ(timers_.run_due(), 0U);
}

TEST_F(ManualTimers, MayBeCancelledByTheirOwnCall) {
  auto timer = std::make_unique<Timers::Timer>();
  *timer = timers_.timer_after(Millis(0), [&] { timer.reset(); });
  EXPECT_EQ(timers_.run_due(), 1U);
  EXPECT_EQ(timer, nullptr);
}

TEST_F(ManualTimers, SetNothingOnceStopped) {
  auto outlives = timers_.timer_after(Millis(0), say("dropped"));
  timers_.stop();
  timers_.after(Millis(0), say("late"));
  EXPECT_EQ(timers_.size(), 0U);
  EXPECT_EQ(timers_.run_due(), 0U);
  outlives.cancel();
}

TEST(Timers, OutliveNothingThatAsksThemLater) {
  Timers::Timer timer;
  {
    FakeClock clock;
    Timers timers(clock, Timers::Manual());
    timer = timers.timer_after(Millis(10), [] { ADD_FAILURE(); });
  }
  timer.cancel();
}

TEST(Timers, CallOnAThreadOfTheirOwn) {
  SteadyClock clock;
  Timers timers(clock, "test-timers");
  std::promise<std::thread::id> first, second;
  timers.after(Millis(20), [&] { second.set_value(std::this_thread::get_id()); });
  timers.after(Millis(1), [&] { first.set_value(std::this_thread::get_id()); });  // earlier than what is waited for
  const auto thread = first.get_future().get();
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_EQ(second.get_future().get(), thread);
}

TEST(Timers, AreStoppedWhileOneWaits) {
  SystemClock clock;
  Timers timers(clock, "test-timers");
  timers.after(Millis(3'600'000), [] { ADD_FAILURE(); });
  timers.stop();
  timers.stop();
}

TEST(SteadyClock, BeginsAtTheWallClocksTimeAndMoves) {
  const SystemClock wall;
  const SteadyClock steady;
  const Time begun = steady.now();
  EXPECT_LE(std::chrono::abs(wall.now() - begun), Millis(10'000));
  while (steady.now() == begun) {
  }
  EXPECT_GT(steady.now(), begun);
}

}  // namespace
}  // namespace millrace
