// A run that failed begins again: what succeeded keeps its outputs.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "pipelines/engine/step.h"

namespace millrace::pipelines::engine {
namespace {

// The places of a dag's tasks, each after those that it waits for: the order in which a run would reach them.
std::vector<std::size_t> in_order(const Node& dag) {
  std::vector<std::size_t> order, unseen;
  for (std::size_t place = 0; place < dag.children.size(); ++place) {
    unseen.push_back(dag.index->upstream(place).size());
    if (unseen[place] == 0) order.push_back(place);
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (const std::size_t after : dag.index->downstream(order[next])) {
      if (--unseen[after] == 0) order.push_back(after);
    }
  }
  return order;
}

}  // namespace

// What did not succeed begins anew, and with it everything that comes after; what succeeded keeps its outputs.
void State::Step::retry() {
  Node& root = *state_.root_;
  if (root.state != NodeState::failed && root.state != NodeState::canceled) return;
  state_.terminating_ = false;
  if (root.children.empty())
    begin_dag(root);
  else
    resume_dag(root);
  settle();
}

// As it was before it was ready; its attempts go on counting, so that none is launched twice.
void State::Step::renew(Node& node) {
  node.state = NodeState::waiting;
  node.spent_before = node.attempt;
  node.cached = false;
  node.upstream_failed = false;
  node.waits_for = node.task->upstream.size();
  node.parameters = Value::object();
  node.artifacts = Value::object();
  clear_result(node);
  node.started.reset();
  touch(node);
}

void State::Step::clear_result(Node& node) {
  node.output_parameters = Value::object();
  node.output_artifacts = Value::object();
  node.error.clear();
  node.ended.reset();
  node.child_failed = false;
}

// A dag that failed, as if the tasks that did not succeed had never started.
void State::Step::resume_dag(Node& dag) {
  clear_result(dag);
  dag.spent_before = dag.attempt - 1;
  dag.state = NodeState::running;
  touch(dag);
  dag.open_children = 0;
  std::vector<bool> renewed(dag.children.size(), false);
  for (const std::size_t place : in_order(dag)) {
    const auto& upstream = dag.index->upstream(place);
    const auto waits_for = std::count_if(upstream.begin(), upstream.end(), [&](auto at) { return renewed[at]; });
    renewed[place] = resume_task(*dag.children[place], static_cast<std::size_t>(waits_for));
    if (renewed[place]) ++dag.open_children;
  }
  if (dag.open_children == 0) end_dag(dag);
}

// `waits_for`: tasks before it that do not keep what they have come to. false: it keeps it.
bool State::Step::resume_task(Node& task, std::size_t waits_for) {
  if (waits_for == 0 && task.state == NodeState::succeeded) return false;
  const bool begun = task.component->dag && !task.children.empty();
  const bool looped = task.is_loop() && !task.iterations.empty();
  if (waits_for == 0 && task.state != NodeState::skipped && (begun || looped)) {
    resuming_.push(&task);
    return true;
  }
  renew(task);
  task.waits_for = waits_for;
  if (waits_for == 0) ready_.push(&task);
  return true;
}

void State::Step::resume_loop(Node& loop) {
  clear_result(loop);
  loop.spent_before = loop.attempt - 1;
  loop.state = NodeState::running;
  touch(loop);
  loop.open_children = loop.items.size();
  loop.begin_again.clear();
  for (auto iteration = loop.iterations.rbegin(); iteration != loop.iterations.rend(); ++iteration) {
    if ((*iteration)->state == NodeState::succeeded || (*iteration)->state == NodeState::skipped)
      --loop.open_children;
    else
      loop.begin_again.push_back(*iteration);
  }
  begin_iterations(loop);
}

}  // namespace millrace::pipelines::engine
