#pragma once
// Calls at a time to come, by an injected clock. The calls must be short: they post work or wake somebody.
//
// With a thread of its own (made with the first timer), or, for tests and simulations, with none: then whoever moves
// the clock calls run_due(), and nothing happens in between.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/thread_name.h"
#include "base/time.h"

namespace millrace {

// Wall-clock time as it was at the start, and the steady clock since: for delays, which must not change when the wall
// clock is set.
class SteadyClock final : public Clock {
 public:
  Time now() const override;

 private:
  const Time begun_ = std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
  const std::chrono::steady_clock::time_point steady_begun_ = std::chrono::steady_clock::now();
};

class Timers {
  struct State;

 public:
  using Call = std::function<void()>;

  // A timer that ends with its owner. Move-only; an empty one is none.
  class [[nodiscard]] Timer {
   public:
    Timer() = default;
    Timer(Timer&& other) noexcept;
    Timer& operator=(Timer&& other) noexcept;
    ~Timer() { cancel(); }
    // The call is not begun after this; one that has begun on the timers' thread may still be under way.
    void cancel();

   private:
    friend class Timers;
    Timer(const std::shared_ptr<State>& state, Time due, std::uint64_t number)
        : state_(state), due_(due), number_(number) {}
    std::weak_ptr<State> state_;
    Time due_{};
    std::uint64_t number_ = 0;
  };

  // `name`: of the thread.
  Timers(const Clock& clock, ThreadName name);
  struct Manual {};  // no thread
  Timers(const Clock& clock, Manual);
  ~Timers();  // stop()

  // Calls due at the same time are made in the order in which they were set. Once stopped, nothing is set.
  void at(Time due, Call call);
  void after(Millis delay, Call call);  // from now
  Timer timer_at(Time due, Call call);
  Timer timer_after(Millis delay, Call call);

  // What is not due is dropped; waits for the call that is under way. Idempotent; not to be called by a call.
  void stop();

  std::size_t size() const;          // set, and not yet begun
  std::optional<Time> next() const;  // when the first of them is due
  // Makes the calls that are due now, also those that they set for now, on this thread. How many there were. For
  // Manual ones.
  std::size_t run_due();

 private:
  std::uint64_t add(Time due, Call call);

  std::shared_ptr<State> state_;
};

}  // namespace millrace
