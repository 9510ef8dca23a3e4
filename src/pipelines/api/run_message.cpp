#include "pipelines/api/run_message.h"

#include <fmt/core.h>

#include "base/time.h"

namespace millrace::pipelines::api {
namespace {

constexpr int kUnknown = 2;  // google.rpc.Code for what a task or run died of

Value error_message(const std::string& error) { return Value::object({{"code", kUnknown}, {"message", error}}); }

// Tasks here are often shorter than a second.
std::string at(Time time) { return format_rfc3339_millis(time); }

Value status(std::string_view state, Time time, const std::string& error = {}) {
  Value message = Value::object({{"update_time", at(time)}, {"state", state}});
  if (!error.empty()) message.set("error", error_message(error));
  return message;
}

using Histories = std::map<std::string, Value, std::less<>>;  // by task id

// The states of tasks that were tried more than once, up to the last attempt's running.
Histories attempts(const std::vector<runner::TaskOutline>& tasks, const std::vector<engine::Event>& events) {
  std::map<std::string_view, int> newest;
  for (const runner::TaskOutline& task : tasks) {
    if (task.attempt > 1) newest.emplace(task.path, task.attempt);
  }
  Histories histories;
  for (const engine::Event& event : events) {
    const auto task = newest.find(event.path);
    if (task == newest.end()) continue;
    Value& history = histories[event.path];
    if (event.kind == engine::Event::Kind::launched) history.push(status("RUNNING", event.at));
    if (event.kind == engine::Event::Kind::finished && event.attempt < task->second) {
      history.push(status("FAILED", event.at, event.error));
      history.push(status("PENDING", event.at));
    }
  }
  return histories;
}

Value state_history(const TaskView& task, const Histories& tried) {
  Value history = Value::array();
  if (task.created) history.push(status("PENDING", *task.created));
  const auto several = tried.find(task.id);
  if (several != tried.end()) {
    for (const Value& entry : several->second.items()) history.push(entry);
  } else if (task.started) {
    history.push(status("RUNNING", *task.started));
  }
  if (task.ended) history.push(status(task.state, *task.ended, task.error));
  return history;
}

// {name: {"artifact_ids": […]}} of a task's inputs or outputs.
Value artifact_lists(const Value& artifacts, const std::map<std::string, std::int64_t, std::less<>>& ids) {
  Value lists = Value::object();
  for (const auto& [name, list] : artifacts.members()) {
    Value found = Value::array();
    for (const Value& artifact : list["artifacts"].items()) {
      const auto id = ids.find(artifact["uri"].string_or());
      if (id != ids.end()) found.push(std::to_string(id->second));
    }
    if (!found.empty()) lists.set(name, Value::object({{"artifact_ids", std::move(found)}}));
  }
  return lists;
}

}  // namespace

std::string attempt_name(const TaskView& task, int attempt) { return fmt::format("{}.{}", task.pod_name, attempt); }

Value to_message(const runner::RunRecord& run) {
  Value message = Value::object({{"experiment_id", run.experiment_id}, {"run_id", run.id}, {"display_name", run.name}});
  message.set("storage_state", run.storage_state);
  message.set_if(!run.description.empty(), "description", run.description);
  if (!run.version_id.empty()) {
    message.set("pipeline_version_reference",
                Value::object({{"pipeline_id", run.pipeline_id}, {"pipeline_version_id", run.version_id}}));
  }
  if (!run.runtime_config.empty()) message.set("runtime_config", run.runtime_config);
  message.set("service_account", run.service_account.empty() ? std::string(kServiceAccount) : run.service_account);
  message.set("created_at", format_rfc3339(run.created)).set("scheduled_at", format_rfc3339(run.scheduled));
  // Upstream gives 1970 while the run goes on.
  message.set("finished_at", format_rfc3339(run.finished.value_or(Time{})));
  message.set("state", run.state);
  if (!run.error.empty()) message.set("error", error_message(run.error));
  message.set("state_history", run.state_history);
  message.set_if(!run.recurring_run_id.empty(), "recurring_run_id", run.recurring_run_id);
  return message;
}

TaskMessages::TaskMessages(std::string run_id, const std::vector<runner::TaskOutline>& tasks, ArtifactIds artifact_ids,
                           const std::vector<engine::Event>& events)
    : run_id_(std::move(run_id)), artifact_ids_(std::move(artifact_ids)), tried_(attempts(tasks, events)) {
  for (const runner::TaskOutline& task : tasks) {
    if (task.parent_id.empty()) continue;
    // One of the two: a dag has no pod.
    children_[task.parent_id].push(task.pod_name.empty() ? Value::object({{"task_id", task.path}})
                                                         : Value::object({{"pod_name", task.pod_name}}));
  }
}

Value TaskMessages::message(const TaskView& task) const {
  Value message = Value::object({{"run_id", run_id_}, {"task_id", task.id}, {"display_name", task.display_name}});
  if (task.created) message.set("create_time", at(*task.created));
  if (task.started) message.set("start_time", at(*task.started));
  if (task.ended) message.set("end_time", at(*task.ended));
  if (!task.pod_name.empty()) {
    Value detail = Value::object({{"main_job", task.pod_name}});
    Value failed = Value::array();
    for (int attempt = 1; attempt < task.attempt; ++attempt) failed.push(attempt_name(task, attempt));
    if (!failed.empty()) detail.set("failed_main_jobs", std::move(failed));
    message.set("executor_detail", std::move(detail));
  }
  message.set("state", task.state);
  if (!task.error.empty()) message.set("error", error_message(task.error));
  for (const auto& [name, side] : {std::pair("inputs", &task.inputs), std::pair("outputs", &task.outputs)}) {
    Value lists = artifact_lists((*side)["artifacts"], artifact_ids_);
    if (!lists.empty()) message.set(name, std::move(lists));
  }
  message.set_if(!task.parent_id.empty(), "parent_task_id", task.parent_id);
  Value history = state_history(task, tried_);
  if (!history.empty()) message.set("state_history", std::move(history));
  message.set_if(!task.pod_name.empty(), "pod_name", task.pod_name);
  if (const auto children = children_.find(task.id); children != children_.end())
    message.set("child_tasks", children->second);
  return message;
}

}  // namespace millrace::pipelines::api
