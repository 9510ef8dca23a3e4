#pragma once
// One advance() of a run's state: what an event changes, and what follows from that.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelines/engine/engine.h"

namespace millrace::pipelines::engine {

// First come, first served. Empty it holds no memory: an advance() has three of them, and most stay so.
class NodeQueue {
 public:
  bool empty() const { return next_ == nodes_.size(); }
  void push(Node* node) { nodes_.push_back(node); }
  Node* pop() { return nodes_[next_++]; }

 private:
  std::vector<Node*> nodes_;
  std::size_t next_ = 0;
};

inline constexpr std::size_t kNamedDepth = 10;  // groups that an error names; those within them would bury it

// The path of what lies at `name` in the node.
std::string path_below(const Node& node, std::string_view name);

// A queue of consequences instead of recursion, so that a chain of ten thousand skips needs no stack.
class State::Step {
 public:
  Step(State& state, Time at) : state_(state), at_(at) {}

  // step.cpp: the events.
  void create_root();
  void launched(const Event& event);
  void finished(const Event& event);
  void timer(const Event& event);
  void rebooted();
  void launch_anew(Node& node);
  void terminate();
  // step_retries.cpp
  void retry();

  std::vector<Command> take_commands() { return std::move(commands_); }

 private:
  // step.cpp
  void settle();
  void start(Node& node);
  void launch(Node& node);
  void back_off(Node& node, const std::string& error);
  void end(Node& node, NodeState state, const std::string& error);
  void propagate(Node& node);
  void propagate_in_dag(Node& dag, Node& node);
  Node* leaf(const Event& event);
  void touch(Node& node);

  // step_dags.cpp
  void begin_dag(Node& node);
  void make_children(Node& dag);
  Node* make(Node& parent, std::string path, const Task& task, const Component& component);
  bool has_turned(const Node& node) const;
  void fail_dag(Node& dag, const std::string& why);
  void end_dag(Node& dag);
  static const Value* first_output(const Node& dag, const std::vector<OutputSource>& sources, Value Node::* outputs);

  // step_loops.cpp
  void begin_loop(Node& node);
  static Value items_of(const Node& loop);
  void begin_iterations(Node& loop);
  void begin_iteration(Node& loop);
  void fill_iteration(Node& loop, Node& iteration);
  void end_loop(Node& loop);
  void iterated(Node& loop, const Node& iteration);

  // step_retries.cpp
  void renew(Node& node);
  void clear_result(Node& node);
  void resume_dag(Node& dag);
  bool resume_task(Node& task, std::size_t waits_for);
  void resume_loop(Node& loop);

  State& state_;
  Time at_;
  NodeQueue resuming_, ready_, ended_;
  std::vector<Command> commands_;
};

}  // namespace millrace::pipelines::engine
