#include "base/timers.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "base/mutex.h"

namespace millrace {
namespace {

constexpr Millis kLongestSleep{1'000};  // the wall clock may be set

}  // namespace

Time SteadyClock::now() const {
  return begun_ + std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - steady_begun_);
}

struct Timers::State {
  State(const Clock& the_clock, std::optional<ThreadName> thread_name) : clock(the_clock), name(thread_name) {}
  const Clock& clock;
  const std::optional<ThreadName> name;  // none: there is no thread
  Mutex mutex;
  CondVar changed;
  std::map<std::pair<Time, std::uint64_t>, Call> calls MR_GUARDED_BY(mutex);
  std::uint64_t last MR_GUARDED_BY(mutex) = 0;
  bool stopping MR_GUARDED_BY(mutex) = false;
  std::thread thread MR_GUARDED_BY(mutex);

  // The first call, if it is due; `left`: how long until it is.
  Call take_due(Millis& left) MR_REQUIRES(mutex) {
    const auto first = calls.begin();
    left = first->first.first - clock.now();
    if (left > Millis(0)) return nullptr;
    Call call = std::move(first->second);
    calls.erase(first);
    return call;
  }

  void loop() {
    name_thread(*name);
    MutexLock lock(mutex);
    while (!stopping) {
      if (calls.empty()) {
        changed.wait(mutex);
        continue;
      }
      Millis left{};
      Call call = take_due(left);
      if (!call) {
        changed.wait_for(mutex, std::min(left, kLongestSleep));
        continue;
      }
      lock.unlock();
      call();
      call = nullptr;  // what it held is let go outside the lock
      lock.lock();
    }
  }
};

Timers::Timer::Timer(Timer&& other) noexcept
    : state_(std::exchange(other.state_, {})), due_(other.due_), number_(other.number_) {}

Timers::Timer& Timers::Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  state_ = std::exchange(other.state_, {});
  due_ = other.due_;
  number_ = other.number_;
  return *this;
}

void Timers::Timer::cancel() {
  const auto state = std::exchange(state_, {}).lock();
  if (!state) return;
  Call dropped;  // let go outside the lock
  const MutexLock lock(state->mutex);
  const auto found = state->calls.find({due_, number_});
  if (found == state->calls.end()) return;
  dropped = std::move(found->second);
  state->calls.erase(found);
}

Timers::Timers(const Clock& clock, ThreadName name) : state_(std::make_shared<State>(clock, name)) {}
Timers::Timers(const Clock& clock, Manual) : state_(std::make_shared<State>(clock, std::nullopt)) {}
Timers::~Timers() { stop(); }

std::uint64_t Timers::add(Time due, Call call) {
  State& state = *state_;
  const MutexLock lock(state.mutex);
  if (state.stopping) return 0;
  const auto added = state.calls.emplace(std::pair(due, ++state.last), std::move(call)).first;
  if (!state.name || added != state.calls.begin()) return state.last;
  // The thread exists only once something waits.
  if (!state.thread.joinable()) state.thread = std::thread([&state] { state.loop(); });
  state.changed.notify_one();
  return state.last;
}

void Timers::at(Time due, Call call) { add(due, std::move(call)); }
void Timers::after(Millis delay, Call call) { at(state_->clock.now() + delay, std::move(call)); }

Timers::Timer Timers::timer_at(Time due, Call call) {
  const std::uint64_t number = add(due, std::move(call));
  return number == 0 ? Timer() : Timer(state_, due, number);
}

Timers::Timer Timers::timer_after(Millis delay, Call call) {
  return timer_at(state_->clock.now() + delay, std::move(call));
}

void Timers::stop() {
  std::map<std::pair<Time, std::uint64_t>, Call> dropped;  // let go outside the lock: they may own timers
  std::thread thread;
  {
    const MutexLock lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->calls);
    thread = std::move(state_->thread);
  }
  state_->changed.notify_one();
  if (thread.joinable()) thread.join();
}

std::size_t Timers::size() const {
  const MutexLock lock(state_->mutex);
  return state_->calls.size();
}

std::optional<Time> Timers::next() const {
  const MutexLock lock(state_->mutex);
  return state_->calls.empty() ? std::nullopt : std::optional(state_->calls.begin()->first.first);
}

std::size_t Timers::run_due() {
  std::size_t count = 0;
  while (true) {
    Call call;
    {
      const MutexLock lock(state_->mutex);
      Millis left{};
      if (!state_->calls.empty()) call = state_->take_due(left);
    }
    if (!call) return count;
    call();
    ++count;
  }
}

}  // namespace millrace
