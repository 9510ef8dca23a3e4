#include "pipelines/runner/alarms.h"

#include <algorithm>

#include "base/thread_name.h"

namespace millrace::pipelines::runner {
namespace {

constexpr Millis kLongestSleep{1'000};  // the wall clock may be set

}  // namespace

void Alarms::at(Time due, std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  alarms_.emplace(due, std::move(call));
  changed_.notify_one();
}

void Alarms::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Alarms::loop() {
  name_thread("run-alarms");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (alarms_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Millis left = alarms_.begin()->first - clock_.now();
    if (left > Millis(0)) {
      changed_.wait_for(lock, std::min(left, kLongestSleep));
      continue;
    }
    const auto call = std::move(alarms_.begin()->second);
    alarms_.erase(alarms_.begin());
    lock.unlock();
    call();
    lock.lock();
  }
}

}  // namespace millrace::pipelines::runner
