#include "algorithms/team.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::algorithms {

struct Team::Impl {
  std::mutex mutex;
  std::condition_variable started;
  std::condition_variable ended;
  std::uint64_t generation = 0;  // of loops
  unsigned running = 0;          // helpers still in this loop
  bool stopping = false;
  const std::function<void(std::size_t)>* work = nullptr;
  std::size_t count = 0;
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> helpers;

  void take_pieces() {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) (*work)(i);
  }

  void help() {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex);
    for (;;) {
      started.wait(lock, [&] { return stopping || generation != seen; });
      if (stopping) return;
      seen = generation;
      lock.unlock();
      take_pieces();
      lock.lock();
      if (--running == 0) ended.notify_one();
    }
  }
};

Team::Team(unsigned threads) : threads_(std::max(1u, threads)) {
  if (threads_ == 1) return;
  impl_ = std::make_unique<Impl>();
  for (unsigned i = 1; i < threads_; ++i) impl_->helpers.emplace_back([impl = impl_.get()] { impl->help(); });
}

Team::~Team() {
  if (!impl_) return;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->started.notify_all();
  for (std::thread& helper : impl_->helpers) helper.join();
}

void Team::for_each(std::size_t count, const std::function<void(std::size_t)>& work) {
  if (!impl_ || count < 2) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  {
    std::lock_guard lock(impl_->mutex);
    impl_->work = &work;
    impl_->count = count;
    impl_->next = 0;
    impl_->running = static_cast<unsigned>(impl_->helpers.size());
    ++impl_->generation;
  }
  impl_->started.notify_all();
  impl_->take_pieces();
  std::unique_lock lock(impl_->mutex);
  impl_->ended.wait(lock, [&] { return impl_->running == 0; });
}

}  // namespace millrace::algorithms
