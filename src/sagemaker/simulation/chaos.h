#pragma once
// Only for tests: what goes wrong in a simulation, drawn from its seed. The same seed gives the same course.

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/simulated_rounds_for_tests.h"

namespace millrace::sagemaker::simulation {

// Thrown through the server's code: it ends between two writes, as by kill -9.
struct Died {};

class Chaos {
 public:
  static constexpr int kMostDeaths = 4;
  static constexpr int kDeepest = 3;  // turns within turns

  explicit Chaos(std::uint32_t seed) : seed_(seed), random_(seed ^ 0xA5A5A5A5U) {}
  std::uint32_t seed() const { return seed_; }
  std::uint32_t draw(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }  // below n
  bool one_in(std::uint32_t n) { return draw(n) == 0; }

  bool any = true;               // false: nothing goes wrong any more
  std::function<void()> others;  // gives another turn: what another thread does meanwhile

  // A place where the server may die, and where it holds no lock, so that another of its threads may go on.
  void between_writes() {
    may_die();
    if (!any || depth_ >= kDeepest || !others || !one_in(12)) return;
    const Depth deeper(depth_);
    others();
  }
  void may_die() {
    if (!any || deaths_ >= kMostDeaths || !one_in(60)) return;
    ++deaths_;
    throw Died();
  }
  // A part of the server's own that does not answer for once.
  Status may_fail(std::uint32_t one_in_so_many) {
    if (!any || !one_in(one_in_so_many)) return {};
    return fail(Code::unavailable, "it does not answer for once");
  }
  int deaths() const { return deaths_; }
  bool is_nested() const { return depth_ > 0; }

 private:
  struct Depth {
    explicit Depth(int& depth) : depth_(depth) { ++depth_; }
    ~Depth() { --depth_; }
    int& depth_;
  };
  const std::uint32_t seed_;
  std::mt19937 random_;
  int deaths_ = 0, depth_ = 0;
};

}  // namespace millrace::sagemaker::simulation
