#include "sagemaker/jobs/reconciler.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/thread_name.h"

namespace millrace::sagemaker {

// Not base's WorkerPool: its queue is bounded by refusing, and a refused poke would be a job that never goes on. Here
// a name stands in the queue at most once, so the queue is bounded by the number of active resources.
struct Reconciler::Impl {
  enum class State { queued, running, running_and_poked };
  std::function<void(const std::string&)> drive;
  std::size_t thread_limit;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, State> states;
  std::deque<std::string> queue;
  std::vector<std::thread> threads;
  std::size_t idle = 0;
  bool stopping = false;

  void run() {
    name_thread("sagemaker-work");
    std::unique_lock lock(mutex);
    while (true) {
      if (stopping) return;
      if (queue.empty()) {
        ++idle;
        changed.wait(lock);
        --idle;
        continue;
      }
      const std::string name = std::move(queue.front());
      queue.pop_front();
      states[name] = State::running;
      lock.unlock();
      drive(name);
      lock.lock();
      const auto state = states.find(name);
      if (state->second == State::running_and_poked) {
        state->second = State::queued;
        queue.push_back(name);
      } else {
        states.erase(state);
      }
    }
  }
};

Reconciler::Reconciler(std::size_t threads, std::function<void(const std::string& name)> drive)
    : impl_(std::make_unique<Impl>()) {
  impl_->drive = std::move(drive);
  impl_->thread_limit = threads;
}
Reconciler::~Reconciler() { stop(); }

void Reconciler::poke(const std::string& name) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->stopping) return;
  const auto [state, fresh] = impl_->states.try_emplace(name, Impl::State::queued);
  if (!fresh) {
    if (state->second == Impl::State::running) state->second = Impl::State::running_and_poked;
    return;
  }
  impl_->queue.push_back(name);
  // Threads are made as they are needed, so that an idle server has none.
  if (impl_->idle < impl_->queue.size() && impl_->threads.size() < impl_->thread_limit) {
    impl_->threads.emplace_back([this] { impl_->run(); });
  }
  impl_->changed.notify_one();
}

void Reconciler::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  for (auto& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace millrace::sagemaker
