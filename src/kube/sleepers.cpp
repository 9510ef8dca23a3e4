#include "kube/sleepers.h"

#include <chrono>

#include "base/thread_name.h"

namespace millrace::kube {
namespace {
constexpr std::chrono::milliseconds kTick{500};
}

void Sleeper::attach(std::function<void()> wake) {
  const MutexLock lock(mutex_);
  wake_ = std::move(wake);
}

void Sleeper::wake() {
  std::function<void()> wake;
  {
    const MutexLock lock(mutex_);
    wake = wake_;
  }
  if (wake) wake();  // outside the lock: it calls into the server
}

Sleepers::~Sleepers() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<Sleeper> Sleepers::add() {
  const MutexLock lock(mutex_);
  std::erase_if(all_, [](const auto& sleeper) { return sleeper.expired(); });
  if (all_.size() >= kMax || stopping_) return nullptr;
  auto sleeper = std::make_shared<Sleeper>();
  all_.push_back(sleeper);
  if (!thread_.joinable()) thread_ = std::thread([this] { tick(); });
  changed_.notify_all();
  return sleeper;
}

std::vector<std::shared_ptr<Sleeper>> Sleepers::awake_ones() {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Sleeper>> open;
  std::erase_if(all_, [&](const auto& sleeper) {
    auto alive = sleeper.lock();
    if (alive) open.push_back(std::move(alive));
    return sleeper.expired();
  });
  return open;
}

void Sleepers::wake_all() {
  for (const auto& sleeper : awake_ones()) sleeper->wake();
}

void Sleepers::tick() {
  name_thread("kube-streams");
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (all_.empty()) {
      changed_.wait(mutex_);
      continue;
    }
    const auto next = std::chrono::steady_clock::now() + kTick;
    while (!stopping_ && std::chrono::steady_clock::now() < next) changed_.wait_until(mutex_, next);
    if (stopping_) break;
    lock.unlock();
    wake_all();
    lock.lock();
  }
}

}  // namespace millrace::kube
