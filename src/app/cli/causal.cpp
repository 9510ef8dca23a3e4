#include "app/cli/causal.h"

#include <functional>
#include <queue>

namespace millrace::app {
namespace {

// Steps are numbered: a task's start is 2i, its end 2i + 1.
constexpr std::size_t start_of(std::size_t task) { return 2 * task; }
constexpr std::size_t end_of(std::size_t task) { return 2 * task + 1; }

class Graph {
 public:
  explicit Graph(std::size_t steps) : after_(steps), missing_(steps) {}

  void edge(std::size_t before, std::size_t after) {
    if (before >= after_.size() || after >= after_.size()) return;
    after_[before].push_back(after);
    ++missing_[after];
  }

  std::vector<CausalStep> sorted() {
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t step = 0; step < missing_.size(); ++step) {
      if (missing_[step] == 0) ready.push(step);
    }
    std::vector<CausalStep> order;
    std::vector<bool> done(missing_.size());
    const auto take = [&](std::size_t step) {
      done[step] = true;
      order.push_back({step / 2, step % 2 == 1});
    };
    while (!ready.empty()) {
      const std::size_t step = ready.top();
      ready.pop();
      take(step);
      for (const std::size_t next : after_[step]) {
        if (--missing_[next] == 0) ready.push(next);
      }
    }
    for (std::size_t step = 0; step < done.size(); ++step) {
      if (!done[step]) take(step);
    }
    return order;
  }

 private:
  std::vector<std::vector<std::size_t>> after_;
  std::vector<std::size_t> missing_;  // what has to come before it and has not
};

}  // namespace

std::vector<CausalStep> causal_order(const std::vector<CausalTask>& tasks) {
  Graph graph(2 * tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    graph.edge(start_of(i), end_of(i));
    for (const std::size_t earlier : tasks[i].depends_on) {
      if (earlier < tasks.size()) graph.edge(end_of(earlier), start_of(i));
    }
    if (tasks[i].parent >= tasks.size()) continue;
    graph.edge(start_of(tasks[i].parent), start_of(i));
    graph.edge(end_of(i), end_of(tasks[i].parent));
  }
  return graph.sorted();
}

}  // namespace millrace::app
