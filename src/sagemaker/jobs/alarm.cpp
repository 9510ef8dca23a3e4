#include "sagemaker/jobs/alarm.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/thread_name.h"

namespace millrace::sagemaker {

using Steady = std::chrono::steady_clock;

struct Alarm::Impl {
  std::mutex mutex;
  std::condition_variable changed;
  std::multimap<Steady::time_point, std::function<void()>> waiting;
  bool stopping = false;
  std::thread thread;

  void run() {
    name_thread("sagemaker-alarm");
    std::unique_lock lock(mutex);
    while (!stopping) {
      if (waiting.empty()) {
        changed.wait(lock);
        continue;
      }
      const auto first = waiting.begin();
      const Steady::time_point due = first->first;  // a copy: stop() clears the map while we wait
      if (due > Steady::now()) {
        changed.wait_until(lock, due);
        continue;
      }
      auto call = std::move(first->second);
      waiting.erase(first);
      lock.unlock();
      call();
      lock.lock();
    }
  }
};

Alarm::Alarm() : impl_(std::make_unique<Impl>()) {}
Alarm::~Alarm() { stop(); }

void Alarm::after(std::chrono::milliseconds delay, std::function<void()> call) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopping) return;
  impl_->waiting.emplace(Steady::now() + delay, std::move(call));
  // The thread exists only once something waits: an idle server has one fewer.
  if (!impl_->thread.joinable()) impl_->thread = std::thread([this] { impl_->run(); });
  impl_->changed.notify_one();
}

void Alarm::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->waiting.clear();
  }
  impl_->changed.notify_one();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace millrace::sagemaker
