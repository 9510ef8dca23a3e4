#include "components/termination.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <thread>

namespace millrace::components {
namespace {

sigset_t only_sigterm() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Termination::Termination() {
  const sigset_t set = only_sigterm();
  sigset_t before;
  sigemptyset(&before);
  pthread_sigmask(SIG_BLOCK, &set, &before);
  was_blocked_ = sigismember(&before, SIGTERM) == 1;
  signals_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

Termination::~Termination() {
  const sigset_t set = only_sigterm();
  if (!was_blocked_) pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool Termination::wait(std::chrono::milliseconds longest) {
  if (!signals_) {  // no descriptor left: the wait itself still has to be kept
    std::this_thread::sleep_for(longest);
    return false;
  }
  pollfd waiting{signals_.get(), POLLIN, 0};
  if (poll(&waiting, 1, static_cast<int>(longest.count())) <= 0) return false;
  signalfd_siginfo info;
  return read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info);
}

}  // namespace millrace::components
