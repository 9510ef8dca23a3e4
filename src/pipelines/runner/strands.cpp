#include "pipelines/runner/strands.h"

#include <iterator>
#include <utility>

namespace millrace::pipelines::runner {
namespace {

constexpr std::ptrdiff_t kBatch = 256;          // works in one go
constexpr std::size_t kQueueLimit = 1'000'000;  // keys with work; each stands in the pool's queue once

}  // namespace

Strands::Strands(std::size_t threads, After after) : after_(std::move(after)), pool_(threads, kQueueLimit, "runs") {}

bool Strands::post(const std::string& key, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  const auto [queue, is_new] = queues_.try_emplace(key);
  queue->second.push_back(std::move(work));
  if (!is_new) return true;
  if (pool_.submit([this, key] { run_some(key); })) return true;
  queues_.erase(queue);
  return false;
}

void Strands::run_some(const std::string& key) {
  std::deque<std::function<void()>> works;
  {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(key);
    if (stopping_ || queue->second.empty()) {
      queues_.erase(queue);
      return;
    }
    if (queue->second.size() <= std::size_t{kBatch}) {
      works.swap(queue->second);
    } else {
      const auto end = queue->second.begin() + kBatch;
      works.assign(std::make_move_iterator(queue->second.begin()), std::make_move_iterator(end));
      queue->second.erase(queue->second.begin(), end);
    }
  }
  for (auto& work : works) std::exchange(work, nullptr)();
  after_(key);
  const std::lock_guard lock(mutex_);
  const auto queue = queues_.find(key);
  // One batch a turn, so that a busy run does not keep the others from the threads.
  if (stopping_ || queue->second.empty() || !pool_.submit([this, key] { run_some(key); })) queues_.erase(queue);
}

void Strands::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  pool_.stop();
}

}  // namespace millrace::pipelines::runner
