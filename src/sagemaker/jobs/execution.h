#pragma once
// What the shells of jobs and endpoints get on by: timers, and queues of names. A name that is poked is looked at once
// more after the poke, never twice at once; so an event may be lost or doubled without harm: a look sees how things
// are, not what happened.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/keyed_queue.h"
#include "base/timers.h"

namespace millrace::sagemaker {

struct Execution {
  const Clock& steady;  // the timers': for delays, never set back
  Timers& timers;       // manual ones make the queues manual: simulations give the turns themselves
  bool manual = false;

  std::unique_ptr<KeyedQueue> queue(std::size_t threads, ThreadName name, KeyedQueue::After look) const {
    if (manual) return std::make_unique<KeyedQueue>(KeyedQueue::Manual(), std::move(look));
    return std::make_unique<KeyedQueue>(KeyedQueue::Threads{threads, name}, std::move(look));
  }
};

// Never blocks. Where the system has no thread to give, the look comes later.
inline void poke(const Execution& execution, KeyedQueue& queue, const std::string& name) {
  constexpr Millis kLater{1'000};
  if (queue.poke(name)) return;
  execution.timers.after(kLater, [&execution, &queue, name] { poke(execution, queue, name); });
}

}  // namespace millrace::sagemaker
