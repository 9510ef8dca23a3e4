#include "app/stop_watch.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "app/commands.h"
#include "base/log.h"
#include "base/thread_name.h"

namespace millrace::app {
namespace {

using Steady = std::chrono::steady_clock;

// The signal that came, 0 at the deadline.
int signal_until(const sigset_t& set, Steady::time_point deadline) {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - Steady::now()).count();
    if (left <= 0) return 0;
    const timespec wait{left / 1'000'000'000, left % 1'000'000'000};
    const int signal = ::sigtimedwait(&set, nullptr, &wait);
    if (signal > 0) return signal;
    if (errno == EAGAIN) return 0;
  }
}

}  // namespace

StopWatch::StopWatch(Begin begin, Millis limit) : limit_(limit) {
  block_signals();
  thread_ = std::thread([this, begin] { watch(begin); });
}

StopWatch::~StopWatch() {
  done_ = true;
  ::pthread_kill(thread_.native_handle(), SIGTERM);  // wakes it, wherever it waits
  thread_.join();
}

void StopWatch::wait_for_signal() {
  const MutexLock lock(mutex_);
  while (!signalled_) changed_.wait(mutex_);
}

void StopWatch::watch(Begin begin) {
  name_thread("stop-watch");
  const sigset_t set = ending_signals();
  if (begin == Begin::at_signal) {
    int signal = 0;
    sigwait(&set, &signal);
    if (done_) return;
  }
  {
    const MutexLock lock(mutex_);
    signalled_ = true;
  }
  changed_.notify_all();
  const int second = signal_until(set, Steady::now() + limit_);
  if (done_) return;
  end_process(second != 0 ? "a second signal" : "the time for a stop is over");
}

void StopWatch::end_process(const char* why) const {
  log::error("{}: ending without waiting any longer for {}; the next start recovers what was under way", why,
             phase_.load());
  ::_exit(kForcedExit);
}

}  // namespace millrace::app
