#include "base/keyed_queue.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace millrace {

// Not on a WorkerPool: that is bounded by refusing a task, and a key that was refused its next turn would never go on.
// Here a key stands in the line at most once.
struct KeyedQueue::Impl {
  using Works = std::deque<Work>;  // a poke is an empty one

  Impl(std::size_t threads_at_most, ThreadName threads_name, After the_after)
      : thread_limit(threads_at_most), name(threads_name), after(std::move(the_after)) {}
  const std::size_t thread_limit;  // 0: manual
  const ThreadName name;
  const After after;
  mutable Mutex mutex;
  CondVar ready;
  std::map<std::string, Works> queues MR_GUARDED_BY(mutex);  // of keys that wait for a turn or have it
  std::deque<std::string> line MR_GUARDED_BY(mutex);         // the keys that wait for a turn
  std::vector<std::thread> threads MR_GUARDED_BY(mutex);
  std::size_t idle MR_GUARDED_BY(mutex) = 0;
  bool stopping MR_GUARDED_BY(mutex) = false;

  // false: there is no thread at all.
  bool want_thread() MR_REQUIRES(mutex) {
    if (idle >= line.size() || threads.size() >= thread_limit) return true;
    try {
      threads.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The system has no thread to give: those that are there do the work, if there are any.
      return !threads.empty();
    }
    return true;
  }

  void work() {
    name_thread(name);
    MutexLock lock(mutex);
    while (true) {
      ++idle;
      while (!stopping && line.empty()) ready.wait(mutex);
      --idle;
      if (stopping) return;
      const std::string key = std::move(line.front());
      line.pop_front();
      Works works = take(key);
      lock.unlock();
      perform(key, works);
      lock.lock();
      end_turn(key);
    }
  }

  Works take(const std::string& key) MR_REQUIRES(mutex) {
    Works& queue = queues.find(key)->second;
    if (queue.size() <= kBatch) return std::exchange(queue, {});
    const auto end = queue.begin() + static_cast<std::ptrdiff_t>(kBatch);
    Works works(std::make_move_iterator(queue.begin()), std::make_move_iterator(end));
    queue.erase(queue.begin(), end);
    return works;
  }

  void perform(const std::string& key, Works& works) const {
    for (Work& work : works) {
      if (const Work now = std::exchange(work, nullptr)) now();
    }
    after(key);
  }

  void end_turn(const std::string& key) MR_REQUIRES(mutex) {
    const auto queue = queues.find(key);
    if (queue == queues.end()) return;  // stopped
    if (queue->second.empty())
      queues.erase(queue);
    else
      line.push_back(key);
  }
};

KeyedQueue::KeyedQueue(Threads threads, After after)
    : impl_(std::make_unique<Impl>(std::max<std::size_t>(threads.threads, 1), threads.name, std::move(after))) {}
KeyedQueue::KeyedQueue(Manual, After after)
    : impl_(std::make_unique<Impl>(0U, ThreadName("queue"), std::move(after))) {}
KeyedQueue::~KeyedQueue() { stop(); }

bool KeyedQueue::post(const std::string& key, Work work) {
  const MutexLock lock(impl_->mutex);
  if (impl_->stopping) return false;
  const auto [queue, is_new] = impl_->queues.try_emplace(key);
  if (!is_new) {
    // Pokes that gather are one.
    if (work || queue->second.empty() || queue->second.back()) queue->second.push_back(std::move(work));
    return true;
  }
  impl_->line.push_back(key);
  if (impl_->queues.size() > kMaxKeys || (impl_->thread_limit != 0 && !impl_->want_thread())) {
    impl_->line.pop_back();
    impl_->queues.erase(queue);
    return false;
  }
  queue->second.push_back(std::move(work));
  impl_->ready.notify_one();
  return true;
}

void KeyedQueue::stop() {
  std::map<std::string, Impl::Works> dropped;  // let go outside the lock: who waits for one hears of it there
  std::vector<std::thread> threads;
  {
    const MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->line.clear();
    dropped.swap(impl_->queues);
    threads.swap(impl_->threads);
  }
  impl_->ready.notify_all();
  dropped.clear();
  for (std::thread& thread : threads) thread.join();
}

std::size_t KeyedQueue::size() const {
  const MutexLock lock(impl_->mutex);
  return impl_->queues.size();
}

std::vector<std::string> KeyedQueue::waiting() const {
  const MutexLock lock(impl_->mutex);
  return {impl_->line.begin(), impl_->line.end()};
}

bool KeyedQueue::run(const std::string& key) {
  Impl::Works works;
  {
    const MutexLock lock(impl_->mutex);
    const auto found = std::find(impl_->line.begin(), impl_->line.end(), key);
    if (found == impl_->line.end()) return false;
    impl_->line.erase(found);
    works = impl_->take(key);
  }
  impl_->perform(key, works);
  const MutexLock lock(impl_->mutex);
  impl_->end_turn(key);
  return true;
}

void KeyedQueue::run_all() {
  for (auto keys = waiting(); !keys.empty(); keys = waiting()) {
    for (const std::string& key : keys) run(key);
  }
}

}  // namespace millrace
