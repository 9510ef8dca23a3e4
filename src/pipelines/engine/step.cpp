// What an event changes, and how the end of a task goes on to those that wait for it.

#include "pipelines/engine/step.h"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/assert.h"
#include "pipelines/engine/inputs.h"

namespace millrace::pipelines::engine {
namespace {

// Of a task that is no iteration, within its dag.
std::size_t place_of(const Node& node) {
  return static_cast<std::size_t>(node.task - node.parent->component->dag->tasks.data());
}

}  // namespace

void State::Step::create_root() {
  Node& root = *state_.root_;
  root.created = at_;
  root.parameters = state_.parameters_;
  begin_dag(root);
  settle();
}

void State::Step::launched(const Event& event) {
  Node* node = leaf(event);
  if (node == nullptr || node->state != NodeState::launching) return;
  node->state = NodeState::running;
  node->attempt_started = at_;
  if (!node->started) node->started = at_;
  touch(*node);
}

void State::Step::finished(const Event& event) {
  Node* node = leaf(event);
  if (node == nullptr || (node->state != NodeState::running && node->state != NodeState::launching)) return;
  if (!node->started) node->started = at_;
  node->exit_code = event.exit_code;
  if (event.succeeded && state_.may_launch(*node)) {
    node->output_parameters = event.output_parameters.is_null() ? Value::object() : event.output_parameters;
    node->output_artifacts = event.output_artifacts.is_null() ? Value::object() : event.output_artifacts;
    node->cached = event.cached;
    end(*node, NodeState::succeeded, "");
  } else if (!state_.may_launch(*node)) {
    // Also one that answers SIGTERM with exit code 0: it was asked to stop, and what it left may be half of it.
    end(*node, NodeState::canceled, event.succeeded ? "the run was terminated" : event.error);
  } else if (!event.counts) {
    launch_anew(*node);
  } else if (event.retryable && node->attempt - node->spent_before <= node->task->retry.max_retries) {
    back_off(*node, event.error);
  } else {
    if (event.output_parameters.is_object()) node->output_parameters = event.output_parameters;
    if (event.output_artifacts.is_object()) node->output_artifacts = event.output_artifacts;
    end(*node, NodeState::failed, event.error);
  }
  settle();
}

void State::Step::timer(const Event& event) {
  Node* found = state_.by_path_.find(event.path);
  if (found == nullptr || found->state != NodeState::backing_off) return;
  Node& node = *found;
  if (!state_.may_launch(node)) return;
  if (!node.component->dag) return launch(node);
  if (node.is_loop())
    begin_loop(node);
  else
    begin_dag(node);
  settle();
}

void State::Step::rebooted() {
  for (const auto& node : state_.nodes_) {
    if (node->state != NodeState::launching || node->component->dag) continue;
    launch_anew(*node);
  }
}

// In place of an attempt that does not count.
void State::Step::launch_anew(Node& node) {
  ++node.spent_before;
  node.state = NodeState::launching;
  launch(node);
}

void State::Step::terminate() {
  if (state_.terminating_ || state_.finished()) return;
  state_.terminating_ = true;
  for (const auto& node : state_.nodes_) {
    if (is_final(node->state)) continue;
    if (node->component->dag) {
      if (node->state == NodeState::backing_off) end(*node, NodeState::canceled, "the run was terminated");
      continue;
    }
    if (state_.may_launch(*node)) continue;  // an exit task
    if (node->state == NodeState::running || node->state == NodeState::launching) {
      commands_.push_back({Command::Kind::stop, node->path, node->attempt, {}, false, ""});
    } else {
      end(*node, NodeState::canceled, "the run was terminated");
    }
  }
  settle();
}

// Works until nothing follows from anything any more.
void State::Step::settle() {
  while (!resuming_.empty() || !ready_.empty() || !ended_.empty()) {
    if (!resuming_.empty()) {
      Node* node = resuming_.pop();
      node->is_loop() ? resume_loop(*node) : resume_dag(*node);
    } else if (!ended_.empty()) {
      propagate(*ended_.pop());
    } else {
      start(*ready_.pop());
    }
  }
}

void State::Step::start(Node& node) {
  if (is_final(node.state)) return;
  if (!state_.may_launch(node)) return end(node, NodeState::canceled, "the run was terminated");
  if (node.upstream_failed && !node.task->runs_after_failure) return end(node, NodeState::skipped, "");
  std::string error;
  if (!resolve_inputs(node, state_.executor_of(node), error)) return end(node, NodeState::failed, error);
  if (node.task->condition) {
    const auto holds = node.task->condition->evaluate(node.parameters, node.artifacts);
    if (!holds) return end(node, NodeState::failed, "its condition: " + holds.error().message);
    if (!*holds) return end(node, NodeState::skipped, "");
  }
  if (node.is_loop()) return begin_loop(node);
  if (node.component->dag) return begin_dag(node);
  launch(node);
}

void State::Step::launch(Node& node) {
  MR_ASSERT(
      node.state == NodeState::waiting || node.state == NodeState::backing_off || node.state == NodeState::launching,
      "an attempt follows none, a delay, or one that may never have begun");
  ++node.attempt;
  node.attempt_started.reset();
  node.state = NodeState::launching;
  touch(node);
  commands_.push_back({Command::Kind::launch, node.path, node.attempt, {}, false, ""});
}

void State::Step::back_off(Node& node, const std::string& error) {
  const RetryPolicy& retry = node.task->retry;
  const double grown = std::pow(retry.backoff_factor, node.attempt - node.spent_before - 1);  // may be infinite
  const double seconds =
      retry.backoff_seconds == 0 ? 0 : std::min(retry.backoff_max_seconds, retry.backoff_seconds * grown);
  node.error = error;
  node.state = NodeState::backing_off;
  node.retry_at = at_ + Millis(static_cast<std::int64_t>(seconds * 1000));
  touch(node);
  commands_.push_back({Command::Kind::timer, node.path, node.attempt, node.retry_at, false, ""});
}

void State::Step::end(Node& node, NodeState state, const std::string& error) {
  MR_ASSERT(!is_final(node.state) && is_final(state), "a task ends once");
  node.state = state;
  node.error = error;
  node.ended = at_;
  touch(node);
  ended_.push(&node);
}

void State::Step::propagate(Node& node) {
  if (node.parent == nullptr) {
    commands_.push_back({Command::Kind::finish_run, node.path, 0, {}, node.state == NodeState::succeeded, node.error});
  } else if (node.iteration) {
    iterated(*node.parent, node);
  } else {
    propagate_in_dag(*node.parent, node);
  }
}

void State::Step::propagate_in_dag(Node& dag, Node& node) {
  const bool good = node.state == NodeState::succeeded;
  for (const std::size_t place : dag.index->downstream(place_of(node))) {
    Node* next = dag.children[place];
    MR_ASSERT(next->waits_for > 0, "a task has waited for each one that ends before it");
    next->upstream_failed = next->upstream_failed || !good;
    if (--next->waits_for == 0) ready_.push(next);
  }
  if (node.state == NodeState::failed || node.state == NodeState::canceled) {
    dag.child_failed = true;
    const std::string why = node.error.empty() ? "failed" : node.error;
    const bool named = !node.component->dag || node.depth <= kNamedDepth;
    if (dag.error.empty()) dag.error = named ? fmt::format("{}: {}", node.task->display_name, why) : why;
  }
  MR_ASSERT(dag.open_children > 0, "a dag has counted each of its tasks");
  if (--dag.open_children == 0) end_dag(dag);
}

Node* State::Step::leaf(const Event& event) {
  Node* node = state_.by_path_.find(event.path);
  return node == nullptr || node->attempt != event.attempt || node->component->dag ? nullptr : node;
}

void State::Step::touch(Node& node) {
  if (std::exchange(node.step, state_.steps_) != state_.steps_) state_.changed_.push_back(&node);
}

}  // namespace millrace::pipelines::engine
