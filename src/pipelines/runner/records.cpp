#include "pipelines/runner/records.h"

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/bind.h"

namespace millrace::pipelines::runner {
namespace {

Value stored(const std::string& text) {
  auto value = parse_json(text);
  return value ? std::move(*value) : Value();
}

std::int64_t milliseconds(const std::optional<Time>& time) { return time ? to_epoch_ms(*time) : 0; }
std::optional<Time> time_from(std::int64_t ms) {
  return ms == 0 ? std::nullopt : std::optional<Time>(from_epoch_ms(ms));
}

Value to_value(const TaskView& task) {
  Value depends_on = Value::array();
  for (const std::string& id : task.depends_on) depends_on.push(id);
  Value value = Value::object({{"name", task.name},
                               {"display_name", task.display_name},
                               {"parent", task.parent_id},
                               {"state", task.state},
                               {"pod", task.pod_name},
                               {"depends_on", std::move(depends_on)},
                               {"dag", task.is_dag},
                               {"attempt", task.attempt},
                               {"created", milliseconds(task.created)},
                               {"started", milliseconds(task.started)},
                               {"ended", milliseconds(task.ended)},
                               {"image", task.image},
                               {"inputs", task.inputs},
                               {"outputs", task.outputs}});
  value.set_if(!task.error.empty(), "error", task.error);
  value.set_if(task.cached, "cached", true);
  return value;
}

TaskView task_from(std::string path, const Value& value) {
  TaskView task;
  task.id = std::move(path);
  task.name = value["name"].string_or();
  task.display_name = value["display_name"].string_or();
  task.parent_id = value["parent"].string_or();
  task.state = value["state"].string_or();
  task.pod_name = value["pod"].string_or();
  for (const Value& id : value["depends_on"].items()) task.depends_on.push_back(id.string_or());
  task.is_dag = value["dag"].bool_or(false);
  task.attempt = static_cast<int>(value["attempt"].int_or(0));
  task.cached = value["cached"].bool_or(false);
  task.created = time_from(value["created"].int_or(0));
  task.started = time_from(value["started"].int_or(0));
  task.ended = time_from(value["ended"].int_or(0));
  task.image = value["image"].string_or();
  task.error = value["error"].string_or();
  task.inputs = value["inputs"];
  task.outputs = value["outputs"];
  return task;
}

}  // namespace

RunRecord run_from_row(const db::Statement& row) {
  RunRecord run;
  run.id = row.text(0);
  run.name = row.text(1);
  run.description = row.text(2);
  run.experiment_id = row.text(3);
  run.pipeline_id = row.text(4);
  run.version_id = row.text(5);
  run.pipeline_name = row.text(6);
  run.resource_name = row.text(7);
  run.service_account = row.text(8);
  run.runtime_config = stored(row.text(9));
  run.parameters = stored(row.text(10));
  run.created = from_epoch_ms(row.integer(11));
  run.finished = time_from(row.integer(12));
  run.state = row.text(13);
  run.storage_state = row.text(14);
  run.error = row.text(15);
  run.state_history = stored(row.text(16));
  run.recurring_run_id = row.text(17);
  run.scheduled = from_epoch_ms(row.integer(18));
  return run;
}

void set_state(RunRecord& run, std::string_view state, Time at) {
  if (run.state == state) return;
  run.state = state;
  run.state_history.push(Value::object({{"update_time", format_rfc3339(at)}, {"state", state}}));
}

Status insert_run(db::Connection& connection, const RunRecord& run, const Value& spec) {
  auto row = MR_TRY(connection.prepare(
      fmt::format("INSERT INTO kfp_runs({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", kRunColumns)));
  bind_all(row, run.id, run.name, run.description, run.experiment_id, run.pipeline_id, run.version_id,
           run.pipeline_name, run.resource_name, run.service_account, to_json(run.runtime_config),
           to_json(run.parameters), to_epoch_ms(run.created), milliseconds(run.finished), run.state, run.storage_state,
           run.error, to_json(run.state_history), run.recurring_run_id, to_epoch_ms(run.scheduled));
  MR_TRY(row.run());
  auto text = MR_TRY(connection.prepare("INSERT INTO kfp_run_specs(run_id, spec) VALUES(?,?)"));
  MR_TRY(bind_all(text, run.id, to_json(spec)).run());
  auto experiment = MR_TRY(connection.prepare("UPDATE kfp_experiments SET last_run_created = ? WHERE id = ?"));
  return bind_all(experiment, to_epoch_ms(run.created), run.experiment_id).run();
}

Status update_run(db::Connection& connection, const RunRecord& run) {
  auto row = MR_TRY(
      connection.prepare("UPDATE kfp_runs SET state = ?, finished = ?, error = ?, state_history = ? WHERE id = ?"));
  return bind_all(row, run.state, milliseconds(run.finished), run.error, to_json(run.state_history), run.id).run();
}

Result<std::optional<RunRecord>> find_run(db::Connection& connection, const std::string& id) {
  auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_runs WHERE id = ?", kRunColumns)));
  if (!MR_TRY(bind_all(row, id).step())) return std::optional<RunRecord>();
  return std::optional<RunRecord>(run_from_row(row));
}

Result<Value> read_spec(db::Connection& connection, const std::string& run_id) {
  auto row = MR_TRY(connection.prepare("SELECT spec FROM kfp_run_specs WHERE run_id = ?"));
  if (!MR_TRY(bind_all(row, run_id).step()))
    return fail(Code::data_loss, fmt::format("the run {} has no pipeline", run_id));
  return parse_json(row.text(0));
}

Status delete_run(db::Connection& connection, const std::string& id) {
  for (const std::string_view sql :
       {"DELETE FROM kfp_runs WHERE id = ?", "DELETE FROM kfp_run_specs WHERE run_id = ?",
        "DELETE FROM kfp_tasks WHERE run_id = ?", "DELETE FROM run_events WHERE run_id = ?"}) {
    auto statement = MR_TRY(connection.prepare(sql));
    MR_TRY(bind_all(statement, id).run());
  }
  return delete_artifacts(connection, id);
}

Result<std::vector<std::string>> unfinished_runs(db::Connection& connection) {
  std::vector<std::string> ids;
  auto row = MR_TRY(connection.prepare("SELECT id FROM kfp_runs WHERE finished = 0"));
  while (MR_TRY(row.step())) ids.push_back(row.text(0));
  return ids;
}

Status put_task(db::Connection& connection, const std::string& run_id, const TaskView& task) {
  auto row =
      MR_TRY(connection.prepare("INSERT INTO kfp_tasks(run_id, path, data) VALUES(?,?,?) "
                                "ON CONFLICT(run_id, path) DO UPDATE SET data = excluded.data"));
  MR_TRY(bind_all(row, run_id, task.id, to_json(to_value(task))).run());
  return put_artifacts(connection, run_id, task);
}

Status each_task(db::Connection& connection, const std::string& run_id, const std::function<Status(TaskView)>& take) {
  auto row = MR_TRY(connection.prepare("SELECT path, data FROM kfp_tasks WHERE run_id = ? ORDER BY position"));
  bind_all(row, run_id);
  while (MR_TRY(row.step())) MR_TRY(take(task_from(row.text(0), stored(row.text(1)))));
  return {};
}

Result<std::vector<TaskOutline>> outline_tasks(db::Connection& connection, const std::string& run_id) {
  std::vector<TaskOutline> tasks;
  auto row =
      MR_TRY(connection.prepare("SELECT path, json_extract(data, '$.parent'), json_extract(data, '$.pod'), "
                                "json_extract(data, '$.attempt') FROM kfp_tasks "
                                "WHERE run_id = ? ORDER BY position"));
  bind_all(row, run_id);
  while (MR_TRY(row.step())) tasks.push_back({row.text(0), row.text(1), row.text(2), static_cast<int>(row.integer(3))});
  return tasks;
}

Result<std::vector<TaskView>> read_tasks(db::Connection& connection, const std::string& run_id) {
  std::vector<TaskView> tasks;
  MR_TRY(each_task(connection, run_id, [&](TaskView task) -> Status {
    tasks.push_back(std::move(task));
    return {};
  }));
  return tasks;
}

Result<std::optional<TaskView>> read_task(db::Connection& connection, const std::string& run_id,
                                          const std::string& path) {
  auto row = MR_TRY(connection.prepare("SELECT data FROM kfp_tasks WHERE run_id = ? AND path = ?"));
  if (!MR_TRY(bind_all(row, run_id, path).step())) return std::optional<TaskView>();
  return std::optional<TaskView>(task_from(path, stored(row.text(0))));
}

Status put_event(db::Connection& connection, const std::string& run_id, std::int64_t number,
                 const engine::Event& event) {
  auto row = MR_TRY(connection.prepare("INSERT INTO run_events(run_id, number, event) VALUES(?,?,?)"));
  return bind_all(row, run_id, number, to_json(engine::to_value(event))).run();
}

Result<std::vector<engine::Event>> read_events(db::Connection& connection, const std::string& run_id) {
  std::vector<engine::Event> events;
  auto row = MR_TRY(connection.prepare("SELECT event FROM run_events WHERE run_id = ? ORDER BY number"));
  bind_all(row, run_id);
  while (MR_TRY(row.step())) events.push_back(engine::event_from_value(MR_TRY(parse_json(row.text(0)))));
  return events;
}

RunView view_of(const RunRecord& run) {
  RunView view;
  view.id = run.id;
  view.display_name = run.name;
  view.pipeline_name = run.pipeline_name;
  view.experiment_id = run.experiment_id;
  view.state = run.state;
  view.error = run.error;
  view.created = run.created;
  view.finished = run.finished;
  return view;
}

}  // namespace millrace::pipelines::runner
