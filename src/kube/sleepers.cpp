#include "kube/sleepers.h"

#include <chrono>

#include "base/thread_name.h"

namespace millrace::kube {
namespace {
constexpr std::chrono::milliseconds kTick{500};
}

void Sleeper::attach(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

void Sleeper::wake() {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    wake = wake_;
  }
  if (wake) wake();  // outside the lock: it calls into the server
}

Sleepers::~Sleepers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<Sleeper> Sleepers::add() {
  const std::lock_guard lock(mutex_);
  std::erase_if(all_, [](const auto& sleeper) { return sleeper.expired(); });
  if (all_.size() >= kMax || stopping_) return nullptr;
  auto sleeper = std::make_shared<Sleeper>();
  all_.push_back(sleeper);
  if (!thread_.joinable()) thread_ = std::thread([this] { tick(); });
  changed_.notify_all();
  return sleeper;
}

std::vector<std::shared_ptr<Sleeper>> Sleepers::awake_ones() {
  const std::lock_guard lock(mutex_);
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
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (all_.empty()) {
      changed_.wait(lock, [this] { return stopping_ || !all_.empty(); });
      continue;
    }
    changed_.wait_for(lock, kTick, [this] { return stopping_; });
    if (stopping_) break;
    lock.unlock();
    wake_all();
    lock.lock();
  }
}

}  // namespace millrace::kube
