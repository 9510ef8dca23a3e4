#pragma once
// Only for tests: waiting for what other threads and processes do, without sleeping. Whoever changes something says so;
// whoever waits looks at its condition again each time.

#include <chrono>
#include <cstddef>

#include "base/mutex.h"

namespace millrace::sagemaker {

class Signals {
 public:
  using Steady = std::chrono::steady_clock;
  void raise() {
    {
      const MutexLock lock(mutex_);
      ++count_;
    }
    raised_.notify_all();
  }
  std::size_t count() {
    const MutexLock lock(mutex_);
    return count_;
  }
  // Until there have been more than `seen`. false: it takes too long.
  bool wait_beyond(std::size_t seen, Steady::time_point until) {
    const MutexLock lock(mutex_);
    while (count_ <= seen) {
      if (Steady::now() >= until) return false;
      raised_.wait_until(mutex_, until);
    }
    return true;
  }
  template <class Condition>
  bool reached(const Condition& condition, std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    const auto until = Steady::now() + patience;
    while (true) {
      const std::size_t seen = count();
      if (condition()) return true;
      if (!wait_beyond(seen, until)) return condition();
    }
  }

 private:
  Mutex mutex_;
  CondVar raised_;
  std::size_t count_ MR_GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::sagemaker
