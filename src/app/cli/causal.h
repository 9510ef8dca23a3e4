#pragma once
// An order of what happened in which nothing comes before what it depends on. Pure.

#include <cstddef>
#include <limits>
#include <vector>

namespace millrace::app {

struct CausalTask {
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::size_t parent = kNone;           // the group that it is in
  std::vector<std::size_t> depends_on;  // tasks that end before this one starts
};

struct CausalStep {
  std::size_t task = 0;
  bool is_end = false;  // of the task; else its start
  bool operator==(const CausalStep&) const = default;
};

// The start and the end of each task: a start after its group's start and the ends of what it depends on, a group's end
// after those of what is in it; otherwise in the order of the tasks. What depends on itself comes last.
std::vector<CausalStep> causal_order(const std::vector<CausalTask>& tasks);

}  // namespace millrace::app
