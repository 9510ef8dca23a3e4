#include "base/worker_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace millrace {

struct WorkerPool::Impl {
  std::size_t thread_limit, queue_limit;
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::function<void()>> queue;
  std::vector<std::thread> threads;
  std::size_t idle = 0;
  bool stopping = false;

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      ready.wait(lock, [&] { return stopping || !queue.empty(); });
      --idle;
      if (queue.empty()) return;
      auto task = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      task();
      task = nullptr;  // what it held is let go outside the lock
      lock.lock();
    }
  }
};

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_limit) : impl_(std::make_unique<Impl>()) {
  impl_->thread_limit = threads;
  impl_->queue_limit = queue_limit;
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::submit(std::function<void()> task) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopping || impl_->queue.size() >= impl_->queue_limit) return false;
  impl_->queue.push_back(std::move(task));
  // A thread is made when there is more to do than threads that wait: an idle pool costs nothing.
  if (impl_->idle < impl_->queue.size() && impl_->threads.size() < impl_->thread_limit) {
    try {
      impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
    } catch (const std::system_error&) {
      // The system has no thread to give: those that are there do the work, if there are any.
      if (impl_->threads.empty()) {
        impl_->queue.pop_back();
        return false;
      }
      impl_->ready.notify_one();
    }
  } else {
    impl_->ready.notify_one();
  }
  return true;
}

void WorkerPool::stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    threads.swap(impl_->threads);
  }
  impl_->ready.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace millrace
