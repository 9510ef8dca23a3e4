#include "pipelines/engine/engine.h"

#include <utility>

#include "pipelines/engine/step.h"

namespace millrace::pipelines::engine {
namespace {

// The exit task of a group (dsl.ExitHandler), or a task within one: it runs although the run is terminated, if its
// group had begun. The SDK's compiler names such groups exit-handler-<n>; other tasks that run after a failure are no
// exit tasks.
bool exit_task_of(const Node& node) {
  for (const Node* at = &node; at->parent != nullptr; at = at->parent) {
    if (at->task == nullptr || at->iteration || !at->task->runs_after_failure) continue;
    for (const std::string& name : at->task->upstream) {
      if (!name.starts_with("exit-handler-")) continue;
      const Node* group = at->parent->child(name);
      if (group != nullptr && group->started) return true;
    }
  }
  return false;
}

}  // namespace

std::string_view state_name(NodeState state) {
  switch (state) {
    case NodeState::waiting:
    case NodeState::launching:
      return "PENDING";
    case NodeState::running:
    case NodeState::backing_off:
      return "RUNNING";
    case NodeState::succeeded:
      return "SUCCEEDED";
    case NodeState::failed:
      return "FAILED";
    case NodeState::skipped:
      return "SKIPPED";
    case NodeState::canceled:
      return "CANCELED";
  }
  return "RUNTIME_STATE_UNSPECIFIED";
}

bool is_final(NodeState state) {
  return state == NodeState::succeeded || state == NodeState::failed || state == NodeState::skipped ||
         state == NodeState::canceled;
}

const Node* Node::child(std::string_view name) const {
  const auto place = children.empty() ? std::nullopt : index->find(name);
  return place ? children[*place] : nullptr;
}

State::State(const PipelineSpec& spec, Value parameters, std::size_t max_rounds)
    : spec_(spec), parameters_(std::move(parameters)), max_rounds_(max_rounds) {
  auto root = std::make_unique<Node>();
  root_ = root.get();
  root->path = "root";
  root->component = &spec.root;
  by_path_.add(*root_);
  nodes_.push_back(std::move(root));
}

std::vector<Command> State::advance(const Event& event) {
  changed_.clear();
  ++steps_;
  if (!event.boot.empty()) boot_ = event.boot;
  if (event.kind == Event::Kind::created) rules_ = event.rules;
  Step step(*this, event.at);
  switch (event.kind) {
    case Event::Kind::created:
      if (root_->state == NodeState::waiting) step.create_root();
      break;
    case Event::Kind::launched:
      step.launched(event);
      break;
    case Event::Kind::finished:
      step.finished(event);
      break;
    case Event::Kind::timer:
      step.timer(event);
      break;
    case Event::Kind::terminate:
      step.terminate();
      break;
    case Event::Kind::retry:
      step.retry();
      break;
    case Event::Kind::rebooted:
      step.rebooted();
      break;
  }
  return step.take_commands();
}

bool State::may_launch(const Node& node) const { return !terminating_ || exit_task_of(node); }

const Node* State::find(std::string_view path) const { return by_path_.find(path); }

std::vector<const Node*> State::outstanding() const {
  std::vector<const Node*> nodes;
  for (const auto& node : nodes_) {
    const bool open = node->state == NodeState::launching || node->state == NodeState::running;
    if (node->state == NodeState::backing_off || (open && !node->component->dag)) nodes.push_back(node.get());
  }
  return nodes;
}

const Executor* State::executor_of(const Node& node) const {
  const auto found = spec_.executors.find(node.component->executor);
  return found == spec_.executors.end() ? nullptr : &found->second;
}

}  // namespace millrace::pipelines::engine
