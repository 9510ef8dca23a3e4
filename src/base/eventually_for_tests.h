#pragma once
// A bounded wait for what another thread or process does, where nothing says when it is done: the state of a child, a
// file that grows. What can be waited for (a condition variable, a promise, an injected clock) is not looked at so.

#include <chrono>
#include <thread>

namespace millrace {

// false: it did not come to be. Much longer than it takes, as other work may have the processors.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition, std::chrono::milliseconds at_most = std::chrono::seconds(20)) {
  constexpr std::chrono::milliseconds kBetweenLooks{5};
  const auto until = std::chrono::steady_clock::now() + at_most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return true;
}

}  // namespace millrace
