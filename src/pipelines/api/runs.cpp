#include <array>

#include <fmt/core.h>

#include "pipelines/api/listing.h"
#include "pipelines/api/operations.h"
#include "pipelines/runner/bind.h"
#include "pipelines/runner/records.h"

namespace millrace::pipelines::api {
namespace {

using runner::bind_all;

constexpr int kUnknown = 2;  // google.rpc.Code for what a task or run died of
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"scheduled_at", "created", FieldType::time},
                                Field{"finished_at", "finished", FieldType::time},
                                Field{"run_id", "id"},
                                Field{"id", "id"},
                                Field{"display_name", "name"},
                                Field{"name", "name"},
                                Field{"description", "description"},
                                Field{"storage_state", "storage_state"},
                                Field{"status", "state"},
                                Field{"state", "state"},
                                Field{"experiment_id", "experiment_id"}};

Value error_message(const std::string& error) { return Value::object({{"code", kUnknown}, {"message", error}}); }

Value to_message(const runner::RunRecord& run, const TaskView& task, const std::vector<const TaskView*>& children) {
  Value message = Value::object({{"run_id", run.id}, {"task_id", task.id}, {"display_name", task.display_name}});
  const auto time = [&](std::string_view name, const std::optional<Time>& at) {
    if (at) message.set(name, format_rfc3339_millis(*at));  // tasks here are often shorter than a second
  };
  time("create_time", task.created);
  time("start_time", task.started);
  time("end_time", task.ended);
  message.set("state", task.state);
  if (!task.error.empty()) message.set("error", error_message(task.error));
  message.set_if(!task.parent_id.empty(), "parent_task_id", task.parent_id);
  message.set_if(!task.pod_name.empty(), "pod_name", task.pod_name);
  if (!task.pod_name.empty()) message.set("executor_detail", Value::object({{"main_job", task.pod_name}}));
  Value list = Value::array();
  for (const TaskView* child : children) {
    Value entry = Value::object({{"task_id", child->id}});
    entry.set_if(!child->pod_name.empty(), "pod_name", child->pod_name);
    list.push(std::move(entry));
  }
  if (!list.empty()) message.set("child_tasks", std::move(list));
  return message;
}

Result<runner::RunRecord> find(db::Connection& connection, const std::string& id) {
  auto run = MR_TRY(runner::find_run(connection, id));
  if (!run) return fail(not_found("Run", id));
  return std::move(*run);
}

Status set_storage(Context& context, const std::string& id, std::string_view state) {
  return context.database.write([&](db::Connection& connection) -> Status {
    const runner::RunRecord run = MR_TRY(find(connection, id));
    if (state == "AVAILABLE") {
      auto row =
          MR_TRY(connection.prepare("SELECT name FROM kfp_experiments WHERE id = ? AND storage_state = 'ARCHIVED'"));
      if (MR_TRY(bind_all(row, run.experiment_id).step())) {
        return fail(Code::failed_precondition,
                    fmt::format("the experiment {} is archived; unarchive it before its run {}", row.text(0), id));
      }
    }
    auto row = MR_TRY(connection.prepare("UPDATE kfp_runs SET storage_state = ? WHERE id = ?"));
    return bind_all(row, state, id).run();
  });
}

}  // namespace

Value to_message(const runner::RunRecord& run) {
  Value message = Value::object({{"experiment_id", run.experiment_id}, {"run_id", run.id}, {"display_name", run.name}});
  message.set("storage_state", run.storage_state);
  message.set_if(!run.description.empty(), "description", run.description);
  if (!run.version_id.empty()) {
    message.set("pipeline_version_id", run.version_id);
    message.set("pipeline_version_reference",
                Value::object({{"pipeline_id", run.pipeline_id}, {"pipeline_version_id", run.version_id}}));
  }
  if (!run.runtime_config.empty()) message.set("runtime_config", run.runtime_config);
  message.set_if(!run.service_account.empty(), "service_account", run.service_account);
  message.set("created_at", format_rfc3339(run.created)).set("scheduled_at", format_rfc3339(run.created));
  // Upstream gives 1970 while the run goes on.
  message.set("finished_at", format_rfc3339(run.finished.value_or(Time{})));
  message.set("state", run.state);
  if (!run.error.empty()) message.set("error", error_message(run.error));
  message.set("state_history", run.state_history);
  return message;
}

Result<Value> list_runs(Context& context, const Call& call) {
  Listing listing{"Run", "kfp_runs", runner::kRunColumns, kFields, "runs", {}};
  if (const std::string experiment = call.parameter("experiment_id"); !experiment.empty())
    listing.where.emplace_back("experiment_id", experiment);
  return list(context.database, call, listing,
              [](const db::Statement& row) { return to_message(runner::run_from_row(row)); });
}

Result<Value> get_run(Context& context, const Call& call) {
  runner::RunRecord run;
  Value spec;
  std::vector<TaskView> tasks;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    run = MR_TRY(find(connection, call.id()));
    tasks = MR_TRY(runner::read_tasks(connection, run.id));
    if (run.version_id.empty()) spec = MR_TRY(runner::read_spec(connection, run.id));
    return {};
  }));
  std::map<std::string_view, std::vector<const TaskView*>> children;
  for (const TaskView& task : tasks) {
    if (!task.parent_id.empty()) children[task.parent_id].push_back(&task);
  }
  Value message = to_message(run);
  if (!spec.is_null()) message.set("pipeline_spec", std::move(spec));
  Value details = Value::array();
  for (const TaskView& task : tasks) details.push(to_message(run, task, children[task.id]));
  message.set("run_details", Value::object({{"task_details", std::move(details)}}));
  return message;
}

Result<Value> delete_run(Context& context, const Call& call) {
  if (context.runner.is_active(call.id())) {
    return fail(Code::failed_precondition,
                fmt::format("the run {} is under way; terminate it, then delete it", call.id()));
  }
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    const runner::RunRecord run = MR_TRY(find(connection, call.id()));
    return runner::delete_run(connection, run.id);
  }));
  return Value::object();
}

Result<Value> terminate_run(Context& context, const Call& call) {
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    MR_TRY(find(connection, call.id()));
    return {};
  }));
  MR_TRY(context.runner.terminate(call.id()));
  return Value::object();
}

Result<Value> archive_run(Context& context, const Call& call) {
  MR_TRY(set_storage(context, call.id(), "ARCHIVED"));
  return Value::object();
}

Result<Value> unarchive_run(Context& context, const Call& call) {
  MR_TRY(set_storage(context, call.id(), "AVAILABLE"));
  return Value::object();
}

}  // namespace millrace::pipelines::api
