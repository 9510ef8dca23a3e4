#include "base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/file.h"
#include "base/thread_name.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;

struct Counter {
  Mutex mutex;
  CondVar changed;
  int count MR_GUARDED_BY(mutex) = 0;

  void add() {
    const MutexLock lock(mutex);
    ++count;
    changed.notify_all();
  }
};

TEST(Mutex, OneThreadHasItAtATime) {
  constexpr int kThreads = 4, kTimes = 5'000;
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kTimes; ++j) counter.add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const MutexLock lock(counter.mutex);
  EXPECT_EQ(counter.count, kThreads * kTimes);
}

// Under another's lock it could not go on: the test would not end.
TEST(Mutex, IsFreeBetweenUnlockAndLockAndAfterTheEnd) {
  Counter counter;
  {
    MutexLock lock(counter.mutex);
    lock.unlock();
    std::thread([&] { counter.add(); }).join();
    lock.lock();
    EXPECT_EQ(counter.count, 1);
    lock.unlock();
  }
  std::thread([&] { counter.add(); }).join();
  const MutexLock lock(counter.mutex);
  EXPECT_EQ(counter.count, 2);
}

TEST(CondVar, GivesTheMutexUpWhileItWaits) {
  Counter counter;
  std::thread other([&] { counter.add(); });
  {
    const MutexLock lock(counter.mutex);
    while (counter.count == 0) counter.changed.wait(counter.mutex);
    EXPECT_EQ(counter.count, 1);
  }
  other.join();
}

TEST(CondVar, EndsAtItsDeadlineWithTheMutexHeld) {
  Counter counter;
  const auto began = std::chrono::steady_clock::now();
  const auto deadline = began + milliseconds(20);
  MutexLock lock(counter.mutex);
  while (std::chrono::steady_clock::now() < deadline) counter.changed.wait_until(counter.mutex, deadline);
  counter.changed.wait_for(counter.mutex, milliseconds(1));
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(20));
  ++counter.count;
  lock.unlock();
  counter.add();
}

TEST(ThreadName, IsWhatTheKernelShows) {
  std::string seen;
  std::thread([&] {
    name_thread("fifteen-letters");
    seen = read_file("/proc/thread-self/comm", 64).value_or("");
  }).join();
  EXPECT_EQ(seen, "fifteen-letters\n");
}

}  // namespace
}  // namespace millrace
