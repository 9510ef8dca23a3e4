#pragma once
// What the server does from time to time, on a thread of its own: the reserve of the disk, and the retention that the
// operator has set.

#include <chrono>
#include <functional>
#include <thread>

#include "app/disk_reserve.h"
#include "base/mutex.h"
#include "base/time.h"

namespace millrace::app {

class Upkeep {
 public:
  static constexpr Millis kReserveEvery{10'000};

  // `prune` removes a bounded number of runs; true: there is more to do. Empty: no retention is set.
  Upkeep(DiskReserve& reserve, std::function<bool()> prune, Millis prune_every);
  ~Upkeep();
  void stop();  // joins; at most one call of `prune` is waited for
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  void run();

  DiskReserve& reserve_;
  const std::function<bool()> prune_;
  const Millis prune_every_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ MR_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace millrace::app
