// Loops: their items, the iterations that are begun one after another, and what they leave together.

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "base/assert.h"
#include "base/json.h"
#include "pipelines/engine/inputs.h"
#include "pipelines/engine/step.h"

namespace millrace::pipelines::engine {

// A text is read as JSON.
Value State::Step::items_of(const Node& loop) {
  const Iterator& iterator = *loop.task->iterator;
  Value items = iterator.items       ? *iterator.items
                : iterator.artifacts ? loop.artifacts[iterator.input]["artifacts"]
                                     : loop.parameters[iterator.input];
  if (!items.is_string()) return items;
  auto parsed = parse_json(items.as_string());
  return parsed ? std::move(*parsed) : std::move(items);
}

void State::Step::begin_loop(Node& node) {
  Value items = items_of(node);
  if (!items.is_array()) {
    return end(node, NodeState::failed, fmt::format("the loop's items are {}, not a list", items.kind_with_article()));
  }
  ++node.attempt;
  clear_result(node);
  node.state = NodeState::running;
  node.started = at_;
  touch(node);
  node.items = std::move(items.as_array());
  node.iterations.clear();
  node.begin_again.clear();
  node.open_children = node.items.size();
  begin_iterations(node);
}

void State::Step::begin_iterations(Node& loop) {
  if (loop.open_children == 0) return end_loop(loop);
  const std::size_t limit = loop.task->iterator->limit;
  const std::size_t at_once = limit == 0 ? loop.open_children : std::min(limit, loop.open_children);
  for (std::size_t i = 0; i < at_once; ++i) begin_iteration(loop);
}

// The next one that is to begin: again, or for the first time.
void State::Step::begin_iteration(Node& loop) {
  if (!loop.begin_again.empty()) {
    Node* node = loop.begin_again.back();
    loop.begin_again.pop_back();
    if (!node->children.empty()) return resuming_.push(node);
    return fill_iteration(loop, *node);
  }
  const std::size_t index = loop.iterations.size();
  std::string path = path_below(loop, std::to_string(index));
  Node* node = state_.by_path_.find(path);  // of an earlier try of the loop
  if (node == nullptr) node = make(loop, std::move(path), *loop.task, *loop.component);
  node->iteration = index;
  loop.iterations.push_back(node);
  fill_iteration(loop, *node);
}

void State::Step::fill_iteration(Node& loop, Node& iteration) {
  Node* node = &iteration;
  const std::size_t index = *iteration.iteration;
  node->state = NodeState::waiting;  // it may have ended in an earlier try
  node->parameters = loop.parameters;
  node->artifacts = loop.artifacts;
  const std::string& input = loop.task->iterator->item;
  std::string error;
  if (loop.task->iterator->artifacts) {
    node->artifacts.set(input, Value::object({{"artifacts", Value::array({loop.items[index]})}}));
    return begin_dag(*node);
  }
  node->parameters.set(input, loop.items[index]);
  if (!fit_parameter(*node, input, node->component->parameters.at(input), error))
    return end(*node, NodeState::failed, error);
  begin_dag(*node);
}

// What the iterations left, in their order. One that left nothing (a condition within) has no place in the list.
void State::Step::end_loop(Node& loop) {
  for (const auto& [name, sources] : loop.component->dag->parameters) {
    Value list = Value::array();
    for (const Node* iteration : loop.iterations) {
      if (const Value* value = iteration->output_parameters.find(name)) list.push(*value);
    }
    loop.output_parameters.set(name, std::move(list));
  }
  for (const auto& [name, sources] : loop.component->dag->artifacts) {
    Value list = Value::array();
    for (const Node* iteration : loop.iterations) {
      for (const Value& artifact : iteration->output_artifacts[name]["artifacts"].items()) list.push(artifact);
    }
    loop.output_artifacts.set(name, Value::object({{"artifacts", std::move(list)}}));
  }
  end(loop, NodeState::succeeded, "");
}

// An iteration has ended: the next one starts, unless the loop is lost already.
void State::Step::iterated(Node& loop, const Node& iteration) {
  if (iteration.state != NodeState::succeeded && iteration.state != NodeState::skipped) {
    loop.child_failed = true;
    if (loop.error.empty())
      loop.error = iteration.depth <= kNamedDepth
                       ? fmt::format("iteration {}: {}", *iteration.iteration, iteration.error)
                       : iteration.error;
  }
  MR_ASSERT(loop.open_children > 0, "a loop has counted each of its iterations");
  --loop.open_children;
  const std::size_t unmade = loop.items.size() - loop.iterations.size() + loop.begin_again.size();
  if (loop.child_failed || state_.terminating_) {
    if (loop.open_children > unmade) return;
    const std::string why = loop.error.empty() ? "the run was terminated" : loop.error;
    if (loop.child_failed) return fail_dag(loop, why);
    return end(loop, NodeState::canceled, why);
  }
  if (unmade > 0) return begin_iteration(loop);
  if (loop.open_children == 0) end_loop(loop);
}

}  // namespace millrace::pipelines::engine
