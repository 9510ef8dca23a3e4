#include "app/upkeep.h"

#include <algorithm>

#include "base/thread_name.h"

namespace millrace::app {

using Steady = std::chrono::steady_clock;

Upkeep::Upkeep(DiskReserve& reserve, std::function<bool()> prune, Millis prune_every)
    : reserve_(reserve), prune_(std::move(prune)), prune_every_(prune_every), thread_([this] { run(); }) {}

Upkeep::~Upkeep() { stop(); }

void Upkeep::stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Upkeep::run() {
  name_thread("upkeep");
  auto prune_at = Steady::now() + prune_every_;
  MutexLock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    reserve_.refill();
    bool more = false;
    if (prune_ && Steady::now() >= prune_at) {
      more = prune_();
      if (!more) prune_at = Steady::now() + prune_every_;
    }
    lock.lock();
    auto next = Steady::now() + kReserveEvery;
    if (prune_) next = std::min(next, prune_at);
    while (!more && !stopping_ && Steady::now() < next) changed_.wait_until(mutex_, next);
  }
}

}  // namespace millrace::app
