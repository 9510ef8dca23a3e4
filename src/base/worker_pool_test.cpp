#include "base/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

namespace millrace {
namespace {

TEST(WorkerPool, RunsAllThatItTookBeforeItStops) {
  std::atomic<int> ran{0};
  WorkerPool pool(3, 1000);
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(pool.submit([&] { ++ran; }));
  pool.stop();
  EXPECT_EQ(ran, 500);
  EXPECT_FALSE(pool.submit([&] { ++ran; }));
  pool.stop();
  EXPECT_EQ(ran, 500);
}

TEST(WorkerPool, RefusesPastItsQueueAndRunsAtMostItsThreadsAtOnce) {
  std::latch entered(2), release(1);
  std::atomic<int> ran{0};
  WorkerPool pool(2, 3);
  const auto blocking = [&] {
    entered.count_down();
    release.wait();
    ++ran;
  };
  ASSERT_TRUE(pool.submit(blocking));
  ASSERT_TRUE(pool.submit(blocking));
  entered.wait();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.submit([&] { ++ran; }));
  EXPECT_FALSE(pool.submit([&] { ++ran; }));
  EXPECT_EQ(ran, 0);
  release.count_down();
  pool.stop();
  EXPECT_EQ(ran, 5);
}

TEST(WorkerPool, TasksMaySubmitTasks) {
  std::atomic<int> ran{0};
  std::latch done(10);
  {
    WorkerPool pool(2, 100);
    std::function<void(int)> next = [&](int left) {
      ++ran;
      if (left > 1) {
        EXPECT_TRUE(pool.submit([&next, left] { next(left - 1); }));
      }
      done.count_down();
    };
    ASSERT_TRUE(pool.submit([&] { next(10); }));
    done.wait();
  }
  EXPECT_EQ(ran, 10);
}

}  // namespace
}  // namespace millrace
