#include "pipelines/runner/active_run.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "pipelines/executors/python_server.h"

namespace millrace::pipelines::runner {
namespace {

constexpr std::size_t kRowsAtOnce = 256;  // in one transaction: others wait for the writer meanwhile

executors::RunContext context_of(const RunRecord& record, const PipelineSpec& spec) {
  executors::RunContext context;
  context.run_id = record.id;
  context.display_name = record.name;
  context.resource_name = record.resource_name;
  context.pipeline_name = record.pipeline_name;
  context.pipeline_root = record.runtime_config["pipeline_root"].string_or();
  if (context.pipeline_root.empty()) context.pipeline_root = spec.default_root;
  context.service_account = record.service_account;
  context.parent_run_id = record.parent_run_id;
  // Of one that a step has started and whose rights cannot be read: none.
  if (!record.parent_run_id.empty())
    context.rights = std::make_shared<const executors::Rights>(executors::rights_from(record.rights));
  context.created = record.created;
  context.scheduled = record.scheduled;
  context.has_workspace = spec.has_workspace;
  const auto count = [&](const Component& component) {
    if (!component.dag) return;
    for (const Task& task : component.dag->tasks) {
      const auto called = spec.components.find(task.component);
      if (called == spec.components.end()) continue;
      const auto executor = spec.executors.find(called->second.executor);
      const bool python = executor != spec.executors.end() && executors::is_python_component(executor->second);
      // A group may be in a loop itself: that one is counted where it begins.
      if (python) ++context.python_tasks;
      if (task.iterator) context.python_tasks += 1;
    }
  };
  count(spec.root);
  for (const auto& [name, component] : spec.components) count(component);
  return context;
}

}  // namespace

std::shared_ptr<ActiveRun> ActiveRun::make(RunRecord record, std::unique_ptr<PipelineSpec> spec) {
  return std::shared_ptr<ActiveRun>(new ActiveRun(std::move(record), std::move(spec)));
}

Result<std::shared_ptr<ActiveRun>> ActiveRun::load(RunRecord record, const Value& spec) {
  const Package package = MR_TRY(unwrap_package(spec));
  return make(std::move(record),
              std::make_unique<PipelineSpec>(MR_TRY(parse_pipeline_spec(package.spec, package.platform))));
}

ActiveRun::ActiveRun(RunRecord record, std::unique_ptr<PipelineSpec> spec)
    : record_(std::move(record)),
      context_(context_of(record_, *spec)),
      spec_(std::move(spec)),
      state_(std::make_unique<engine::State>(*spec_, record_.parameters)) {}

void ActiveRun::replay(const engine::Event& event) {
  state_->advance(event);
  note_beginning(event);
  ++events_stored_;
  last_replayed_ = event.at;
}

void ActiveRun::replayed() {
  for (const auto& node : state_->nodes()) {
    if (node->created != Time{}) changed(*node);
  }
  if (state_->finished()) {
    engine::Event end;
    end.at = last_replayed_;
    follow(end);
    urgent_ = true;
  }
}

void ActiveRun::changed(const engine::Node& node) {
  if (node.number >= rows_.size()) rows_.resize(state_->nodes().size());
  if (!std::exchange(rows_[node.number].dirty, true)) dirty_.push_back(&node);
}

void ActiveRun::end() {
  MR_ASSERT(state_->finished() && !has_unstored(), "a run leaves memory when its end is stored");
  MR_ASSERT(attempts_.empty() && prepared.empty(), "no attempt outlives its run, with all that it holds");
  MR_ASSERT(retries.empty(), "no task of a run that has ended waits to be tried again");
  store_timer.cancel();
  deadline.cancel();
  recovery.cancel();
  retries.clear();
}

void ActiveRun::drop_attempt(const engine::Node& node) {
  if (node.state != engine::NodeState::backing_off && !retries.empty()) retries.erase(node.path);
  const bool open = node.state == engine::NodeState::launching || node.state == engine::NodeState::running;
  if (open || node.component->dag) return;
  attempts_.erase(node.path);
  prepared.erase(node.path);
}

ActiveRun::Attempt& ActiveRun::attempt_of(const engine::Node& node) {
  Attempt& attempt = attempts_[node.path];
  if (std::exchange(attempt.number, node.attempt) != node.attempt) {
    attempt = Attempt();
    attempt.number = node.attempt;
  }
  return attempt;
}

void ActiveRun::note_beginning(const engine::Event& event) {
  if (event.kind == engine::Event::Kind::created || event.kind == engine::Event::Kind::retry) begun_ = event.at;
}

void ActiveRun::advance(engine::Event event, bool can_wait) {
  MR_ASSERT(!state_->finished() || event.kind == engine::Event::Kind::retry, "a run that has ended is only retried");
  note_beginning(event);
  auto commands = state_->advance(event);
  if (!can_wait || !commands.empty()) urgent_ = true;
  commands_.insert(commands_.end(), std::make_move_iterator(commands.begin()), std::make_move_iterator(commands.end()));
  for (const engine::Node* node : state_->changed()) {
    changed(*node);
    drop_attempt(*node);
  }
  follow(event);
  events_.push_back(std::move(event));
}

void ActiveRun::enter(std::string_view state, Time at) {
  if (record_.state == state) return;
  set_state(record_, state, at);
  record_changed_ = true;
}

void ActiveRun::follow(const engine::Event& event) {
  if (state_->finished()) {
    const engine::Node& root = state_->root();
    const bool good = root.state == engine::NodeState::succeeded;
    record_.finished = event.at;
    // A terminated run ends as FAILED, as it does upstream: the SDK's wait knows no other end.
    record_.error = good ? "" : state_->terminating() ? "the run was terminated" : root.error;
    enter(good ? "SUCCEEDED" : "FAILED", event.at);
  } else if (event.kind == engine::Event::Kind::retry) {
    record_.finished.reset();
    record_.error.clear();
    enter("RUNNING", event.at);
  } else if (state_->terminating()) {
    enter("CANCELING", event.at);
  } else if (event.kind == engine::Event::Kind::launched) {
    enter("RUNNING", event.at);
  }
}

std::size_t ActiveRun::rows_now() const { return std::min(dirty_.size(), kRowsAtOnce); }

Status ActiveRun::store_new(db::Connection& connection, const Value& spec) {
  MR_TRY(insert_run(connection, record_, spec));
  return store(connection);
}

Status ActiveRun::store(db::Connection& connection) {
  put_.clear();
  if (!events_.empty()) MR_TRY(put_events(connection, record_.id, events_stored_ + 1, events_));
  for (const auto& [entry, at] : cached_) MR_TRY(put_cached(connection, entry, record_.id, at));
  const std::size_t rows = rows_now();
  for (std::size_t i = 0; i < rows; ++i) put_.push_back(MR_TRY(put_row(connection, *dirty_[i])));
  const bool whole = rows == dirty_.size();
  // The end of a run is visible when all of its tasks' rows are there.
  if (record_changed_ && (whole || !record_.finished)) return update_run(connection, record_);
  return {};
}

void ActiveRun::stored() {
  MR_ASSERT(put_.size() <= dirty_.size(), "what was written is what waited to be");
  events_stored_ += static_cast<std::int64_t>(events_.size());
  events_.clear();
  cached_.clear();
  for (const std::int64_t position : put_) {
    Row& row = rows_[dirty_.front()->number];
    row.position = position;
    row.dirty = false;
    dirty_.pop_front();
  }
  put_.clear();
  if (!dirty_.empty()) return;
  record_changed_ = false;
  urgent_ = false;
}

Result<std::int64_t> ActiveRun::put_row(db::Connection& connection, const engine::Node& node) {
  Row& known = rows_[node.number];
  TaskRow row{node, known.position};
  if (node.component->dag) return put_task(connection, record_.id, row);
  if (!known.pod) known.pod = executors::pod_number(node.path);
  const std::string pod = executors::pod_name(context_, *known.pod);
  row.pod_name = pod;
  if (const Executor* executor = state_->executor_of(node)) row.image = executor->image;
  return put_task(connection, record_.id, row);
}

const engine::Node* ActiveRun::open_attempt(std::string_view path, int attempt) const {
  const engine::Node* node = state_->find(path);
  const bool open = node != nullptr && node->attempt == attempt &&
                    (node->state == engine::NodeState::launching || node->state == engine::NodeState::running);
  return open ? node : nullptr;
}

}  // namespace millrace::pipelines::runner
