#include "pipelines/runner/strands.h"

namespace millrace::pipelines::runner {
namespace {

constexpr std::size_t kQueueLimit = 1'000'000;  // keys with work; each stands in the pool's queue once

}  // namespace

Strands::Strands(std::size_t threads) : pool_(threads, kQueueLimit) {}

bool Strands::post(const std::string& key, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  const auto [queue, is_new] = queues_.try_emplace(key);
  queue->second.push_back(std::move(work));
  if (!is_new) return true;
  if (pool_.submit([this, key] { run_one(key); })) return true;
  queues_.erase(queue);
  return false;
}

void Strands::run_one(const std::string& key) {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(key);
    if (stopping_ || queue->second.empty()) {
      queues_.erase(queue);
      return;
    }
    work = std::move(queue->second.front());
    queue->second.pop_front();
  }
  work();
  work = nullptr;
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(key);
  // One work a turn, so that a busy run does not keep the others from the threads.
  if (stopping_ || queue->second.empty() || !pool_.submit([this, key] { run_one(key); })) queues_.erase(queue);
}

void Strands::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  pool_.stop();
}

}  // namespace millrace::pipelines::runner
