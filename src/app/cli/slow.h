#pragma once
// What takes longer than two seconds says what it does.

#include <chrono>
#include <cstdio>
#include <future>
#include <string>

#include <fmt/core.h>

namespace millrace::app {

inline constexpr std::chrono::seconds kSlow{2};

// Calls `work`, on another thread; where it takes longer than kSlow, `what` is said on standard error, once.
template <class Work>
auto saying(const std::string& what, Work work) {
  auto answer = std::async(std::launch::async, std::move(work));
  if (answer.wait_for(kSlow) != std::future_status::ready) fmt::print(stderr, "{}\n", what);
  return answer.get();
}

}  // namespace millrace::app
