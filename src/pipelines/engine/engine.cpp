#include "pipelines/engine/engine.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/core.h>

#include "base/hash.h"
#include "base/json.h"
#include "pipelines/engine/inputs.h"

namespace millrace::pipelines::engine {
namespace {

constexpr std::size_t kMaxNodes = 1'000'000;
constexpr std::size_t kNamedDepth = 10;  // groups that an error names; those within them would bury it
constexpr std::size_t kDigest = 32;      // of a path: hex digits

// The path of what lies at `name` in the node.
std::string path_below(const Node& node, std::string_view name) {
  if (node.path.size() > kMaxPath) return fmt::format("root/~{}/{}", sha256_hex(node.path).substr(0, kDigest), name);
  std::string path;
  path.reserve(node.path.size() + 1 + name.size());
  return path.append(node.path).append(1, '/').append(name);
}

// Of a task that is no iteration, within its dag.
std::size_t place_of(const Node& node) {
  return static_cast<std::size_t>(node.task - node.parent->component->dag->tasks.data());
}

// First come, first served. Empty it holds no memory: an advance() has three of them, and most stay so.
class Queue {
 public:
  bool empty() const { return next_ == nodes_.size(); }
  void push(Node* node) { nodes_.push_back(node); }
  Node* pop() { return nodes_[next_++]; }

 private:
  std::vector<Node*> nodes_;
  std::size_t next_ = 0;
};

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

// One advance(): a queue of consequences instead of recursion, so that a chain of ten thousand skips needs no stack.
class State::Step {
 public:
  Step(State& state, Time at) : state_(state), at_(at) {}

  void create_root() {
    Node& root = *state_.root_;
    root.created = at_;
    root.parameters = state_.parameters_;
    begin_dag(root);
    settle();
  }

  void launched(const Event& event) {
    Node* node = leaf(event);
    if (node == nullptr || node->state != NodeState::launching) return;
    node->state = NodeState::running;
    node->attempt_started = at_;
    if (!node->started) node->started = at_;
    touch(*node);
  }

  void finished(const Event& event) {
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
    } else if (event.retryable && node->attempt - node->spent_before <= node->task->retry.max_retries) {
      back_off(*node, event.error);
    } else {
      if (event.output_parameters.is_object()) node->output_parameters = event.output_parameters;
      if (event.output_artifacts.is_object()) node->output_artifacts = event.output_artifacts;
      end(*node, NodeState::failed, event.error);
    }
    settle();
  }

  void timer(const Event& event) {
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

  void rebooted() {
    for (const auto& node : state_.nodes_) {
      if (node->state != NodeState::launching || node->component->dag) continue;
      ++node->spent_before;
      launch(*node);
    }
  }

  // What did not succeed begins anew, and with it everything that comes after; what succeeded keeps its outputs.
  void retry() {
    Node& root = *state_.root_;
    if (root.state != NodeState::failed && root.state != NodeState::canceled) return;
    state_.terminating_ = false;
    if (root.children.empty())
      begin_dag(root);
    else
      resume_dag(root);
    settle();
  }

  void terminate() {
    if (state_.terminating_ || state_.finished()) return;
    state_.terminating_ = true;
    for (const auto& node : state_.nodes_) {
      if (is_final(node->state)) continue;
      if (node->component->dag) {
        if (node->state == NodeState::backing_off) end(*node, NodeState::canceled, "the run was terminated");
        continue;
      }
      if (exit_task_of(*node)) continue;
      if (node->state == NodeState::running || node->state == NodeState::launching) {
        commands_.push_back({Command::Kind::stop, node->path, node->attempt, {}, false, ""});
      } else {
        end(*node, NodeState::canceled, "the run was terminated");
      }
    }
    settle();
  }

  std::vector<Command> take_commands() { return std::move(commands_); }

 private:
  Node* leaf(const Event& event) {
    Node* node = state_.by_path_.find(event.path);
    return node == nullptr || node->attempt != event.attempt || node->component->dag ? nullptr : node;
  }

  void touch(Node& node) {
    if (std::exchange(node.step, state_.steps_) != state_.steps_) state_.changed_.push_back(&node);
  }

  // As it was before it was ready; its attempts go on counting, so that none is launched twice.
  void renew(Node& node) {
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

  void clear_result(Node& node) {
    node.output_parameters = Value::object();
    node.output_artifacts = Value::object();
    node.error.clear();
    node.ended.reset();
    node.child_failed = false;
  }

  // A dag that failed, as if the tasks that did not succeed had never started.
  void resume_dag(Node& dag) {
    clear_result(dag);
    dag.spent_before = dag.attempt - 1;
    dag.state = NodeState::running;
    touch(dag);
    dag.open_children = 0;
    // A task comes after those it waits for: the order in which a run would reach them.
    std::vector<std::size_t> order, unseen;
    for (std::size_t place = 0; place < dag.children.size(); ++place) {
      unseen.push_back(dag.index->upstream(place).size());
      if (unseen[place] == 0) order.push_back(place);
    }
    std::vector<bool> renewed(dag.children.size(), false);
    for (std::size_t next = 0; next < order.size(); ++next) {
      const std::size_t place = order[next];
      Node* child = dag.children[place];
      const auto& upstream = dag.index->upstream(place);
      const auto waits_for = std::count_if(upstream.begin(), upstream.end(), [&](auto at) { return renewed[at]; });
      if (waits_for > 0 || child->state != NodeState::succeeded) {
        renewed[place] = true;
        ++dag.open_children;
        const bool begun = child->component->dag && !child->children.empty();
        const bool looped = child->is_loop() && !child->iterations.empty();
        if (waits_for == 0 && child->state != NodeState::skipped && (begun || looped)) {
          resuming_.push(child);
        } else {
          renew(*child);
          child->waits_for = static_cast<std::size_t>(waits_for);
          if (waits_for == 0) ready_.push(child);
        }
      }
      for (const std::size_t after : dag.index->downstream(place)) {
        if (--unseen[after] == 0) order.push_back(after);
      }
    }
    if (dag.open_children == 0) end_dag(dag);
  }

  void resume_loop(Node& loop) {
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

  void begin_dag(Node& node) {
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

  void make_children(Node& dag) {
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

  // Where rounds are limited: has this component been entered so often on the way here?
  bool has_turned(const Node& node) const {
    if (state_.max_rounds_ == 0) return false;
    std::size_t rounds = 0;
    for (const Node* at = node.parent; at != nullptr; at = at->parent) {
      if (at->component == node.component && !at->is_loop()) ++rounds;
    }
    return rounds >= state_.max_rounds_;
  }

  Node* make(Node& parent, std::string path, const Task& task, const Component& component) {
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

  // Works until nothing follows from anything any more.
  void settle() {
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

  void start(Node& node) {
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

  void begin_loop(Node& node) {
    const Iterator& iterator = *node.task->iterator;
    Value items = iterator.items       ? *iterator.items
                  : iterator.artifacts ? node.artifacts[iterator.input]["artifacts"]
                                       : node.parameters[iterator.input];
    if (items.is_string()) {
      auto parsed = parse_json(items.as_string());
      if (parsed) items = std::move(*parsed);
    }
    if (!items.is_array()) {
      return end(node, NodeState::failed,
                 fmt::format("the loop's items are {}, not a list", items.kind_with_article()));
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

  void begin_iterations(Node& loop) {
    if (loop.open_children == 0) return end_loop(loop);
    const std::size_t limit = loop.task->iterator->limit;
    const std::size_t at_once = limit == 0 ? loop.open_children : std::min(limit, loop.open_children);
    for (std::size_t i = 0; i < at_once; ++i) begin_iteration(loop);
  }

  // The next one that is to begin: again, or for the first time.
  void begin_iteration(Node& loop) {
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

  void fill_iteration(Node& loop, Node& iteration) {
    Node* node = &iteration;
    const std::size_t index = *iteration.iteration;
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
  void end_loop(Node& loop) {
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
  void iterated(Node& loop, const Node& iteration) {
    if (iteration.state != NodeState::succeeded && iteration.state != NodeState::skipped) {
      loop.child_failed = true;
      if (loop.error.empty())
        loop.error = iteration.depth <= kNamedDepth
                         ? fmt::format("iteration {}: {}", *iteration.iteration, iteration.error)
                         : iteration.error;
    }
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

  void launch(Node& node) {
    ++node.attempt;
    node.attempt_started.reset();
    node.state = NodeState::launching;
    touch(node);
    commands_.push_back({Command::Kind::launch, node.path, node.attempt, {}, false, ""});
  }

  void back_off(Node& node, const std::string& error) {
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

  void end(Node& node, NodeState state, const std::string& error) {
    node.state = state;
    node.error = error;
    node.ended = at_;
    touch(node);
    ended_.push(&node);
  }

  void propagate(Node& node) {
    if (node.parent == nullptr) {
      commands_.push_back(
          {Command::Kind::finish_run, node.path, 0, {}, node.state == NodeState::succeeded, node.error});
      return;
    }
    Node& dag = *node.parent;
    if (node.iteration) return iterated(dag, node);
    const bool good = node.state == NodeState::succeeded;
    for (const std::size_t place : dag.index->downstream(place_of(node))) {
      Node* next = dag.children[place];
      next->upstream_failed = next->upstream_failed || !good;
      if (--next->waits_for == 0) ready_.push(next);
    }
    if (node.state == NodeState::failed || node.state == NodeState::canceled) {
      dag.child_failed = true;
      const std::string why = node.error.empty() ? "failed" : node.error;
      const bool named = !node.component->dag || node.depth <= kNamedDepth;
      if (dag.error.empty()) dag.error = named ? fmt::format("{}: {}", node.task->display_name, why) : why;
    }
    if (--dag.open_children == 0) end_dag(dag);
  }

  // A group that may be tried again is, as a whole.
  void fail_dag(Node& dag, const std::string& why) {
    const bool group = dag.task != nullptr && !dag.iteration && !state_.terminating_;
    if (group && dag.attempt - dag.spent_before <= dag.task->retry.max_retries) return back_off(dag, why);
    end(dag, NodeState::failed, why);
  }

  void end_dag(Node& dag) {
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

  static const Value* first_output(const Node& dag, const std::vector<OutputSource>& sources, Value Node::* outputs) {
    for (const OutputSource& source : sources) {
      const Node& producer = *dag.child(source.producer);
      if (producer.state != NodeState::succeeded) continue;
      if (const Value* value = (producer.*outputs).find(source.output_key)) return value;
    }
    return nullptr;
  }

  State& state_;
  Time at_;
  Queue resuming_, ready_, ended_;
  std::vector<Command> commands_;
};

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
