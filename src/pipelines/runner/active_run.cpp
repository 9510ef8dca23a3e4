#include "pipelines/runner/active_run.h"

#include <fmt/core.h>

namespace millrace::pipelines::runner {
namespace {

executors::RunContext context_of(const RunRecord& record, const PipelineSpec& spec) {
  executors::RunContext context;
  context.run_id = record.id;
  context.display_name = record.name;
  context.resource_name = record.resource_name;
  context.pipeline_name = record.pipeline_name;
  context.pipeline_root = record.runtime_config["pipeline_root"].string_or();
  if (context.pipeline_root.empty()) context.pipeline_root = spec.default_root;
  context.service_account = record.service_account;
  context.created = record.created;
  context.scheduled = record.scheduled;
  context.has_workspace = spec.has_workspace;
  return context;
}

}  // namespace

Result<std::shared_ptr<ActiveRun>> ActiveRun::make(RunRecord record, const Value& spec) {
  const Package package = MR_TRY(unwrap_package(spec));
  auto parsed = std::make_unique<PipelineSpec>(MR_TRY(parse_pipeline_spec(package.spec, package.platform)));
  return std::shared_ptr<ActiveRun>(new ActiveRun(std::move(record), std::move(parsed)));
}

ActiveRun::ActiveRun(RunRecord record, std::unique_ptr<PipelineSpec> spec)
    : record_(std::move(record)),
      context_(context_of(record_, *spec)),
      spec_(std::move(spec)),
      state_(std::make_unique<engine::State>(*spec_, record_.parameters)) {}

void ActiveRun::replay(const engine::Event& event) {
  state_->advance(event);
  ++events_;
}

std::vector<engine::Command> ActiveRun::advance(const engine::Event& event) {
  auto commands = state_->advance(event);
  if (event.kind != engine::Event::Kind::finished || !event.succeeded) cache_entry_.reset();
  last_ = event;
  ++events_;
  follow(event);
  return commands;
}

void ActiveRun::follow(const engine::Event& event) {
  if (state_->finished()) {
    const engine::Node& root = state_->root();
    const bool good = root.state == engine::NodeState::succeeded;
    record_.finished = event.at;
    // A terminated run ends as FAILED, as it does upstream: the SDK's wait knows no other end.
    set_state(record_, good ? "SUCCEEDED" : "FAILED", event.at);
    record_.error = good ? "" : state_->terminating() ? "the run was terminated" : root.error;
  } else if (event.kind == engine::Event::Kind::retry) {
    record_.finished.reset();
    record_.error.clear();
    set_state(record_, "RUNNING", event.at);
  } else if (state_->terminating()) {
    set_state(record_, "CANCELING", event.at);
  } else if (event.kind == engine::Event::Kind::launched) {
    set_state(record_, "RUNNING", event.at);
  }
}

Status ActiveRun::store(db::Connection& connection, bool is_new, const Value& spec) const {
  if (is_new) {
    MR_TRY(insert_run(connection, record_, spec));
  } else {
    MR_TRY(update_run(connection, record_));
  }
  MR_TRY(put_event(connection, record_.id, events_, last_));
  for (const engine::Node* node : state_->changed()) MR_TRY(put_task(connection, record_.id, view_of(*node)));
  if (cache_entry_) MR_TRY(put_cached(connection, *cache_entry_, record_.id, last_.at));
  return {};
}

TaskView ActiveRun::view_of(const engine::Node& node) const {
  TaskView task;
  task.id = node.path;
  task.name = node.task != nullptr ? node.task->name : "root";
  task.display_name = node.task != nullptr ? node.task->display_name : "root";
  task.state = engine::state_name(node.state);
  task.is_dag = node.component->dag.has_value();
  task.attempt = node.attempt;
  task.cached = node.cached;
  task.created = node.created;
  task.started = node.started;
  task.ended = node.ended;
  task.error = node.error;
  if (node.iteration) {
    task.name = fmt::format("{}-{}", node.task->name, *node.iteration);
    task.display_name = fmt::format("iteration-{}", *node.iteration);
    task.parent_id = node.parent->path;
  } else if (node.parent != nullptr) {
    task.parent_id = node.parent->path;
    for (const std::string& name : node.task->upstream) task.depends_on.push_back(node.parent->path + "/" + name);
  }
  if (!task.is_dag) {
    task.pod_name = executors::pod_name(context_, node);
    if (const Executor* executor = state_->executor_of(node)) task.image = executor->image;
  }
  task.inputs = Value::object({{"parameters", node.parameters}, {"artifacts", node.artifacts}});
  task.outputs = Value::object({{"parameters", node.output_parameters}, {"artifacts", node.output_artifacts}});
  return task;
}

const engine::Node* ActiveRun::open_attempt(std::string_view path, int attempt) const {
  const engine::Node* node = state_->find(path);
  const bool open = node != nullptr && node->attempt == attempt &&
                    (node->state == engine::NodeState::launching || node->state == engine::NodeState::running);
  return open ? node : nullptr;
}

}  // namespace millrace::pipelines::runner
