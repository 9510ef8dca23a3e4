// Dags: how one begins, which nodes it is made of, and what its end is.

#include <fmt/core.h>

#include "base/hash.h"
#include "pipelines/engine/step.h"

namespace millrace::pipelines::engine {
namespace {

constexpr std::size_t kMaxNodes = 1'000'000;
constexpr std::size_t kDigest = 32;  // of a path: hex digits

}  // namespace

std::string path_below(const Node& node, std::string_view name) {
  if (node.path.size() > kMaxPath) return fmt::format("root/~{}/{}", sha256_hex(node.path).substr(0, kDigest), name);
  std::string path;
  path.reserve(node.path.size() + 1 + name.size());
  return path.append(node.path).append(1, '/').append(name);
}

void State::Step::begin_dag(Node& node) {
  if (node.task != nullptr && !node.iteration) ++node.attempt;
  clear_result(node);
  node.state = NodeState::running;
  node.started = at_;
  touch(node);
  if (has_turned(node)) return end(node, NodeState::succeeded, "");
  if (node.depth > kMaxDepth)
    return end(node, NodeState::failed,
               fmt::format("pipelines are nested deeper than {} levels: a component that contains itself needs a "
                           "condition that ends it before",
                           kMaxDepth));
  if (state_.nodes_.size() + node.component->dag->tasks.size() > kMaxNodes)
    return end(node, NodeState::failed, fmt::format("the run would have more than {} tasks", kMaxNodes));
  const std::vector<Task>& tasks = node.component->dag->tasks;
  if (node.children.empty())
    make_children(node);
  else
    for (Node* child : node.children) renew(*child);
  node.open_children = tasks.size();
  if (tasks.empty()) return end(node, NodeState::succeeded, "");
  for (std::size_t place = 0; place < tasks.size(); ++place) {
    if (tasks[place].upstream.empty()) ready_.push(node.children[place]);
  }
}

void State::Step::make_children(Node& dag) {
  const Dag& made_of = *dag.component->dag;
  dag.index = &state_.indexes_.try_emplace(&made_of, made_of, state_.spec_).first->second;
  dag.children.reserve(made_of.tasks.size());
  for (const Task& task : made_of.tasks) {
    Node* child = make(dag, path_below(dag, task.name), task, dag.index->component(dag.children.size()));
    child->waits_for = task.upstream.size();
    dag.children.push_back(child);
    touch(*child);
  }
}

Node* State::Step::make(Node& parent, std::string path, const Task& task, const Component& component) {
  auto made = std::make_unique<Node>();
  Node* node = made.get();
  node->path = std::move(path);
  node->number = state_.nodes_.size();
  node->parent = &parent;
  node->depth = parent.depth + 1;
  node->task = &task;
  node->component = &component;
  node->created = at_;
  state_.by_path_.add(*node);
  state_.nodes_.push_back(std::move(made));
  return node;
}

// Where rounds are limited: has this component been entered so often on the way here?
bool State::Step::has_turned(const Node& node) const {
  if (state_.max_rounds_ == 0) return false;
  std::size_t rounds = 0;
  for (const Node* at = node.parent; at != nullptr; at = at->parent) {
    if (at->component == node.component && !at->is_loop()) ++rounds;
  }
  return rounds >= state_.max_rounds_;
}

// A group that may be tried again is, as a whole.
void State::Step::fail_dag(Node& dag, const std::string& why) {
  const bool group = dag.task != nullptr && !dag.iteration && !state_.terminating_;
  if (group && dag.attempt - dag.spent_before <= dag.task->retry.max_retries) return back_off(dag, why);
  end(dag, NodeState::failed, why);
}

void State::Step::end_dag(Node& dag) {
  if (dag.child_failed) {
    const std::string why = dag.error;
    return fail_dag(dag, why);
  }
  // Its exit tasks may be all that was left to do; they do not make a run that was terminated a success.
  if (dag.parent == nullptr && state_.terminating_) return end(dag, NodeState::canceled, "the run was terminated");
  for (const auto& [name, sources] : dag.component->dag->parameters) {
    if (const Value* value = first_output(dag, sources, &Node::output_parameters))
      dag.output_parameters.set(name, *value);
  }
  for (const auto& [name, sources] : dag.component->dag->artifacts) {
    if (const Value* value = first_output(dag, sources, &Node::output_artifacts))
      dag.output_artifacts.set(name, *value);
  }
  end(dag, NodeState::succeeded, "");
}

const Value* State::Step::first_output(const Node& dag, const std::vector<OutputSource>& sources,
                                       Value Node::* outputs) {
  for (const OutputSource& source : sources) {
    const Node& producer = *dag.child(source.producer);
    if (producer.state != NodeState::succeeded) continue;
    if (const Value* value = (producer.*outputs).find(source.output_key)) return value;
  }
  return nullptr;
}

}  // namespace millrace::pipelines::engine
