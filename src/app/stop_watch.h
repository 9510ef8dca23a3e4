#pragma once
// The end of the server, bounded. From its beginning this object has a thread that waits for SIGINT and SIGTERM; from
// the first of them on the process has kStopLimit to end in order, and a second one ends it at once. Ending so is safe
// at any moment, as a kill is: what was acknowledged is on the disk, and children go on with their launcher.

#include <atomic>
#include <thread>

#include "base/mutex.h"
#include "base/time.h"

namespace millrace::app {

// What a stop is waiting for at present, in words for the log. Set by who stops, read by the watch.
using StopPhase = std::atomic<const char*>;

class StopWatch {
 public:
  static constexpr Millis kStopLimit{10'000};
  static constexpr int kForcedExit = 1;  // the exit code when the process did not end in order

  enum class Begin { at_signal, now };  // when the limit begins to count
  // Blocks both signals in this thread and those that it starts later.
  explicit StopWatch(Begin begin, Millis limit = kStopLimit);
  ~StopWatch();  // the stop is done
  StopWatch(const StopWatch&) = delete;
  StopWatch& operator=(const StopWatch&) = delete;

  void wait_for_signal();  // the first one
  StopPhase& phase() { return phase_; }

 private:
  void watch(Begin begin);
  [[noreturn]] void end_process(const char* why) const;

  const Millis limit_;
  StopPhase phase_{"the start"};
  std::atomic<bool> done_{false};
  Mutex mutex_;
  CondVar changed_;
  bool signalled_ MR_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace millrace::app
