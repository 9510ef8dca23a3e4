#pragma once
// The open streams (watches, followed logs) that wait for something to happen.

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace millrace::kube {

// Held by a stream; its end is the end of the waiting.
class Sleeper {
 public:
  void attach(std::function<void()> wake);
  void wake();

 private:
  Mutex mutex_;
  std::function<void()> wake_ MR_GUARDED_BY(mutex_);
};

// Wakes all on a change, and twice a second as long as there is anyone: lines of a log announce themselves to nobody.
class Sleepers {
 public:
  static constexpr std::size_t kMax = 1'000;
  ~Sleepers();
  std::shared_ptr<Sleeper> add();  // null when there are too many
  void wake_all();

 private:
  std::vector<std::shared_ptr<Sleeper>> awake_ones();
  void tick();

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::weak_ptr<Sleeper>> all_ MR_GUARDED_BY(mutex_);
  bool stopping_ MR_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // started by the first, with mutex_ held
};

}  // namespace millrace::kube
