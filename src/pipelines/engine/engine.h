#pragma once
// The run engine: advance(state, event) → commands. Pure: no clock, no I/O, no randomness; they arrive as events.
//
// The shell stores an event before it performs the commands, and rebuilds a state by replaying the events (dropping the
// commands). What was commanded and not yet answered is in the state (outstanding()), so nothing else has to be kept.
// The cost of an event is that of what it changes: each node counts what it waits for, nothing scans the run.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "base/value.h"
#include "pipelines/engine/dag_index.h"
#include "pipelines/engine/node_table.h"
#include "pipelines/engine/rules.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::engine {

// Dags within dags, a loop and each of its iterations being one each; what ends a component that contains itself for
// ever. A recursion of the SDK 1.8 takes two or three a round, so that it may turn some 700 times.
inline constexpr std::size_t kMaxDepth = 2'000;
// Bytes of a path that is gone on with as it is; see Node::path.
inline constexpr std::size_t kMaxPath = 300;

enum class NodeState { waiting, launching, running, backing_off, succeeded, failed, skipped, canceled };
std::string_view state_name(NodeState state);  // KFP's RuntimeState: PENDING, RUNNING, SUCCEEDED, …
bool is_final(NodeState state);

// A task in the run. Addressed by its path: "root", "root/train", "root/sub/train", "root/loop/0/train". Of a long one
// the way to the parent is a digest, "root/~<32 hex digits>/train": paths stay short enough for names of files and keys
// of launches, and what a run keeps of them grows with its tasks, not with their square.
struct Node {
  std::string path;
  std::size_t number = 0;      // its place in State::nodes()
  Node* parent = nullptr;      // null: the root
  std::size_t depth = 1;       // the root's
  const Task* task = nullptr;  // null: the root
  const Component* component = nullptr;
  NodeState state = NodeState::waiting;
  int attempt = 0;            // of the newest launch; 0: never launched. A dag's own: how often it began
  int spent_before = 0;       // attempts that no longer count against the retry policy: the run or its group began anew
  bool cached = false;        // succeeded without running: an earlier task's outputs
  std::size_t waits_for = 0;  // upstream tasks that have not ended
  bool upstream_failed = false;
  Value parameters = Value::object();  // resolved inputs
  Value artifacts = Value::object();
  std::vector<Value> settings;  // of its executor: what Setting::source counts
  Value output_parameters = Value::object();
  Value output_artifacts = Value::object();
  std::string error;
  std::optional<int> exit_code;  // of the newest attempt that ended with a process of its own, as a shell has it
  Time created{};
  std::optional<Time> started, ended;
  std::optional<Time> attempt_started;   // of the newest attempt
  Time retry_at{};                       // backing_off
  std::optional<std::size_t> iteration;  // of the loop that is the parent: "root/loop/3"
  std::uint64_t step = 0;                // the advance() that changed it last
  // A dag's own: its tasks in their order there (none before it has begun), how many have not ended.
  std::vector<Node*> children;
  const DagIndex* index = nullptr;
  std::size_t open_children = 0;
  bool child_failed = false;
  // A loop's own: its children are iterations, made as they start.
  std::vector<Value> items;
  std::vector<Node*> iterations;
  std::vector<Node*> begin_again;  // iterations that failed before the run was retried, the next one last
  bool is_loop() const { return task != nullptr && task->iterator && !iteration; }
  const Node* child(std::string_view name) const;  // null: no such task, or the dag has not begun
};

struct Event {
  // rebooted: the machine was started anew. Attempts that were being launched may have begun or not: new ones take
  // their place, and do not count.
  enum class Kind { created, launched, finished, timer, terminate, retry, rebooted } kind = Kind::created;
  Time at{};
  std::string path;                                     // launched, finished, timer
  int attempt = 0;                                      // launched, finished
  bool succeeded = false;                               // finished
  std::string error;                                    // finished, not succeeded
  bool retryable = true;                                // finished, not succeeded: false: a retry cannot help
  Value output_parameters = {}, output_artifacts = {};  // finished; of a failure, what it has left all the same
  bool cached = false;                                  // finished, succeeded: nothing ran
  std::string boot = {};                                // created, retry, rebooted: the machine's start
  std::optional<int> exit_code = {};                    // finished: of the attempt's process, 128 + signal
  bool counts = true;  // finished, not succeeded: false: it came to nothing by itself, and another takes its place
  int rules = kOldestRules;  // created: which the run follows (rules.h)
};
// As JSON, omitting members that hold their default.
void append_event(std::string& out, const Event& event);
Event event_from_value(const Value& value);

struct Command {
  enum class Kind { launch, stop, timer, finish_run } kind = Kind::launch;
  std::string path;
  int attempt = 0;
  Time due{};              // timer
  bool succeeded = false;  // finish_run
  std::string error;       // finish_run
};

class State {
 public:
  // `spec` outlives the state. `parameters`: the run's, checked and with defaults filled in. `max_rounds`: a component
  // is entered so often within itself, and counts as done then; 0: no such limit, as in a run.
  State(const PipelineSpec& spec, Value parameters, std::size_t max_rounds = 0);
  // An event that does not fit (another attempt's end, a second end) changes nothing and commands nothing.
  std::vector<Command> advance(const Event& event);

  const Node* find(std::string_view path) const;
  const Node& root() const { return *root_; }
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }  // in the order of their making
  // The nodes that the last advance() changed.
  const std::vector<const Node*>& changed() const { return changed_; }
  bool terminating() const { return terminating_; }
  // While a run is terminated only its exit tasks may still be launched.
  bool may_launch(const Node& node) const;
  bool finished() const { return is_final(root_->state); }
  const std::string& boot() const { return boot_; }  // of the last event that named one
  int rules() const { return rules_; }               // of the first event
  // What was commanded and is not answered: launches (launching or running) and timers (backing_off).
  std::vector<const Node*> outstanding() const;
  const Executor* executor_of(const Node& node) const;

 private:
  class Step;
  const PipelineSpec& spec_;
  Value parameters_;
  std::size_t max_rounds_;
  std::vector<std::unique_ptr<Node>> nodes_;
  NodeTable by_path_;
  std::unordered_map<const Dag*, DagIndex> indexes_;  // of the dags that have begun
  Node* root_ = nullptr;
  std::uint64_t steps_ = 0;
  bool terminating_ = false;
  std::string boot_;
  int rules_ = kOldestRules;
  std::vector<const Node*> changed_;
};

// A run is given parameters only: an input artifact of the pipeline's own that is needed is an error that names it.
Status check_input_artifacts(const PipelineSpec& spec);

// The run's parameters against the root's inputs: unknown, missing or of a wrong type is an error that names it.
Result<Value> bind_parameters(const PipelineSpec& spec, const Value& given);

}  // namespace millrace::pipelines::engine
