#include "pipelines/runner/task_rows.h"

#include <utility>

#include <fmt/core.h>

#include "base/json.h"
#include "base/json_object.h"
#include "db/dialect.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/column_values.h"

namespace millrace::pipelines::runner {
namespace {

constexpr std::size_t kUsualTaskBytes = 400;

void put_time(JsonObject& object, std::string_view key, const std::optional<Time>& time) {
  if (milliseconds(time) != 0) object.number(key, milliseconds(time));
}

void put_text(JsonObject& object, std::string_view key, std::string_view text) {
  if (!text.empty()) object.text(key, text);
}

// {"parameters": {…}, "artifacts": {…}}, of each what is there.
void put_values(std::string& out, JsonObject& object, std::string_view key, const Value& parameters,
                const Value& artifacts) {
  if (parameters.empty() && artifacts.empty()) return;
  object.key(key);
  JsonObject values(out);
  if (!parameters.empty()) values.value("parameters", parameters);
  if (!artifacts.empty()) values.value("artifacts", artifacts);
  values.end();
}

void put_names(JsonObject& object, const engine::Node& node) {
  if (node.iteration) {
    object.text("name", fmt::format("{}-{}", node.task->name, *node.iteration));
    object.text("display_name", fmt::format("iteration-{}", *node.iteration));
  } else if (node.task == nullptr) {
    object.text("name", "root");
  } else {
    object.text("name", node.task->name);
    if (node.task->display_name != node.task->name) object.text("display_name", node.task->display_name);
  }
}

void put_upstream(std::string& out, JsonObject& object, const engine::Node& node) {
  if (node.task == nullptr || node.iteration || node.task->upstream.empty()) return;
  object.key("depends_on");
  char before = '[';
  for (const std::string& name : node.task->upstream) {
    out += std::exchange(before, ',');
    append_json_string(out, node.parent->path + "/" + name);
  }
  out += ']';
}

// Members that hold their default are omitted: a run has very many rows, and each is written several times.
std::string text_of(const TaskRow& row) {
  const engine::Node& node = row.node;
  std::string out;
  out.reserve(kUsualTaskBytes);
  JsonObject object(out);
  put_names(object, node);
  if (node.parent != nullptr) object.text("parent", node.parent->path);
  object.text("state", engine::state_name(node.state));
  put_text(object, "pod", row.pod_name);
  put_upstream(out, object, node);
  if (node.component->dag) object.flag("dag", true);
  if (node.attempt != 0) object.number("attempt", node.attempt);
  if (node.cached) object.flag("cached", true);
  put_time(object, "created", node.created);
  put_time(object, "started", node.started);
  put_time(object, "ended", node.ended);
  put_text(object, "image", row.image);
  put_text(object, "error", node.error);
  if (node.exit_code) object.number("exit_code", *node.exit_code);
  put_values(out, object, "inputs", node.parameters, node.artifacts);
  put_values(out, object, "outputs", node.output_parameters, node.output_artifacts);
  object.end();
  return out;
}

// Both are there for whoever reads them.
Value values_from(Value* stored) {
  Value values = Value::object();
  for (const std::string_view key : {"parameters", "artifacts"}) {
    Value* there = stored != nullptr ? stored->find(key) : nullptr;
    values.set(key, there != nullptr ? std::move(*there) : Value::object());
  }
  return values;
}

TaskView task_from(std::string path, Value value) {
  TaskView task;
  task.id = std::move(path);
  task.name = value["name"].string_or();
  task.display_name = value["display_name"].string_or(task.name);
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
  if (value["exit_code"].is_integer()) task.exit_code = static_cast<int>(value["exit_code"].as_int());
  task.inputs = values_from(value.find("inputs"));
  task.outputs = values_from(value.find("outputs"));
  return task;
}

Result<std::int64_t> find_task(db::Connection& connection, const std::string& run_id, const std::string& path) {
  auto row = MR_TRY(connection.prepare("SELECT position FROM kfp_tasks WHERE run_id = ? AND path = ?"));
  MR_TRY(row.bind_all(run_id, path).step());
  return row.integer(0);
}

}  // namespace

Result<std::int64_t> put_task(db::Connection& connection, const std::string& run_id, const TaskRow& task) {
  const engine::Node& node = task.node;
  const std::string data = text_of(task);
  std::int64_t position = task.position;
  bool written = false;
  if (position == 0) {
    auto row =
        MR_TRY(connection.prepare("INSERT INTO kfp_tasks(run_id, path, data) VALUES(?,?,?) "
                                  "ON CONFLICT(run_id, path) DO NOTHING"));
    MR_TRY(row.bind_all(run_id, node.path, data).run());
    written = connection.changes() != 0;
    position = written ? connection.last_insert_id() : MR_TRY(find_task(connection, run_id, node.path));
  }
  if (!written) {
    auto row = MR_TRY(connection.prepare("UPDATE kfp_tasks SET data = ? WHERE position = ? AND run_id = ?"));
    MR_TRY(row.bind_all(data, position, run_id).run());
  }
  if (!node.component->dag && node.ended)  // a dag's outputs are its tasks' own
    MR_TRY(put_artifacts(connection, run_id, node.path, *node.ended, node.output_artifacts));
  return position;
}

Status each_task(db::Connection& connection, const std::string& run_id, const std::function<Status(TaskView)>& take) {
  auto row = MR_TRY(connection.prepare("SELECT path, data FROM kfp_tasks WHERE run_id = ? ORDER BY position"));
  row.bind_all(run_id);
  while (MR_TRY(row.step())) MR_TRY(take(task_from(row.text(0), stored(row.text(1)))));
  return {};
}

Result<std::vector<TaskOutline>> outline_tasks(db::Connection& connection, const std::string& run_id) {
  std::vector<TaskOutline> tasks;
  auto row = MR_TRY(connection.prepare(fmt::format(
      "SELECT path, {}, {}, {} FROM kfp_tasks WHERE run_id = ? ORDER BY position", db::json_member("data", "parent"),
      db::json_member("data", "pod"), db::json_member("data", "attempt"))));
  row.bind_all(run_id);
  while (MR_TRY(row.step())) {
    auto [path, parent, pod, attempt] = row.columns<std::string, std::string, std::string, int>();
    tasks.push_back({std::move(path), std::move(parent), std::move(pod), attempt});
  }
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
  if (!MR_TRY(row.bind_all(run_id, path).step())) return std::optional<TaskView>();
  return std::optional<TaskView>(task_from(path, stored(row.text(0))));
}

}  // namespace millrace::pipelines::runner
