#pragma once
// The loop of a simulation over its seeds: a round is a seed, the next one's is higher by one, and the first is random
// and printed. The first round that fails is the last, and says how to run it alone:
//
//   MILLRACE_SEED=<seed> MILLRACE_ROUNDS=1 build/release/src/pipelines_simulation --gtest_filter='RunnerSimulation.*'

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "base/ids.h"

namespace millrace {

// One number out of a text: what becomes of it depends on who it is, never on when it runs.
inline std::uint32_t fate_of(std::uint32_t seed, std::string_view text) {
  std::uint64_t hash = 1469598103934665603ULL ^ (std::uint64_t{seed} * 0x9E3779B97F4A7C15ULL);
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  hash ^= hash >> 29;
  return static_cast<std::uint32_t>((hash * 0xBF58476D1CE4E5B9ULL) >> 32);
}

// Rounds where nobody says how many. Under the sanitizers, without optimisation, one takes forty times as long.
#ifdef __OPTIMIZE__
inline constexpr int kOrdinaryRounds = 2'000;
#else
inline constexpr int kOrdinaryRounds = 100;
#endif

class SimulatedRounds {
 public:
  // `ordinary`: how many where MILLRACE_ROUNDS does not say.
  explicit SimulatedRounds(int ordinary = kOrdinaryRounds) {
    const char* seed = std::getenv("MILLRACE_SEED");
    first_ = seed != nullptr ? static_cast<std::uint32_t>(std::strtoul(seed, nullptr, 10))
                             : static_cast<std::uint32_t>(random_u64());
    const char* rounds = std::getenv("MILLRACE_ROUNDS");
    count_ = rounds != nullptr ? std::atoi(rounds) : ordinary;
    fmt::print("MILLRACE_SEED={} MILLRACE_ROUNDS={}\n", first_, count_);
  }

  // Calls round(seed) for each. How many rounds there were.
  template <class Round>
  int run(Round round) const {
    const SayOnAbort abort_says;
    for (int i = 0; i < count_; ++i) {
      const std::uint32_t seed = first_ + static_cast<std::uint32_t>(i);
      const std::string alone = fmt::format("this round alone: MILLRACE_SEED={} MILLRACE_ROUNDS=1", seed);
      SCOPED_TRACE(alone);
      SayOnAbort::text() = alone + "\n";
      round(seed);
      if (testing::Test::HasFailure()) return i + 1;
      if ((i + 1) % kProgress == 0) say_progress(i + 1);
    }
    return count_;
  }

 private:
  static constexpr int kProgress = 10'000;

  // An assertion of the code under test (base/assert.h) ends the process: the seed is not to be lost with it.
  class SayOnAbort {
   public:
    SayOnAbort() : before_(std::signal(SIGABRT, &SayOnAbort::say)) {}
    ~SayOnAbort() { std::signal(SIGABRT, before_); }
    SayOnAbort(const SayOnAbort&) = delete;
    SayOnAbort& operator=(const SayOnAbort&) = delete;
    static std::string& text() {
      static std::string it;
      return it;
    }

   private:
    static void say(int) {
      [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text().data(), text().size());
      std::signal(SIGABRT, SIG_DFL);
    }
    void (*before_)(int);
  };

  static void say_progress(int rounds) {
    fmt::print("{} rounds\n", rounds);
    std::fflush(stdout);
  }

  std::uint32_t first_ = 0;
  int count_ = 0;
};

}  // namespace millrace
