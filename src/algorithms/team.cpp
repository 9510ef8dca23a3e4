#include "algorithms/team.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/thread_name.h"

namespace millrace::algorithms {

struct Team::Impl {
  Mutex mutex;
  CondVar started;
  CondVar ended;
  std::uint64_t generation MR_GUARDED_BY(mutex) = 0;  // of loops
  unsigned running MR_GUARDED_BY(mutex) = 0;          // helpers still in this loop
  bool stopping MR_GUARDED_BY(mutex) = false;
  const std::function<void(std::size_t)>* work = nullptr;
  std::size_t count = 0;
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> helpers;

  void take_pieces() {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) (*work)(i);
  }

  void help() {
    name_thread("team");
    std::uint64_t seen = 0;
    MutexLock lock(mutex);
    for (;;) {
      while (!stopping && generation == seen) started.wait(mutex);
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
    const MutexLock lock(impl_->mutex);
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
    const MutexLock lock(impl_->mutex);
    impl_->work = &work;
    impl_->count = count;
    impl_->next = 0;
    impl_->running = static_cast<unsigned>(impl_->helpers.size());
    ++impl_->generation;
  }
  impl_->started.notify_all();
  impl_->take_pieces();
  const MutexLock lock(impl_->mutex);
  while (impl_->running > 0) impl_->ended.wait(impl_->mutex);
}

}  // namespace millrace::algorithms
