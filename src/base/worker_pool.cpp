#include "base/worker_pool.h"

#include <deque>
#include <system_error>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace millrace {

struct WorkerPool::Impl {
  Impl(std::size_t threads_at_most, std::size_t queued_at_most, ThreadName threads_name)
      : thread_limit(threads_at_most), queue_limit(queued_at_most), name(threads_name) {}
  const std::size_t thread_limit, queue_limit;
  const ThreadName name;
  Mutex mutex;
  CondVar ready;
  std::deque<std::function<void()>> queue MR_GUARDED_BY(mutex);
  std::vector<std::thread> threads MR_GUARDED_BY(mutex);
  std::size_t idle MR_GUARDED_BY(mutex) = 0;
  bool stopping MR_GUARDED_BY(mutex) = false;

  void work() {
    name_thread(name);
    MutexLock lock(mutex);
    while (true) {
      ++idle;
      while (!stopping && queue.empty()) ready.wait(mutex);
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

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_limit, ThreadName name)
    : impl_(std::make_unique<Impl>(threads, queue_limit, name)) {}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::submit(std::function<void()> task) {
  const MutexLock lock(impl_->mutex);
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
    const MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    threads.swap(impl_->threads);
  }
  impl_->ready.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace millrace
