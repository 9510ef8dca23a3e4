#include "pipelines/api/nodes.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "db/dialect.h"
#include "pipelines/api/call.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/task_rows.h"

namespace millrace::pipelines::api {
namespace {

// The task whose pod has the name, or the first part of it up to its last dot.
Result<std::optional<TaskView>> find_by_pod(db::Connection& connection, const std::string& run_id,
                                            const std::string& name) {
  auto row = MR_TRY(connection.prepare(
      fmt::format("SELECT path FROM kfp_tasks WHERE run_id = ? AND {} IN (?, ?)", db::json_member("data", "pod"))));
  row.bind_all(run_id, name, name.substr(0, name.rfind('.')));
  if (name.empty() || !MR_TRY(row.step())) return std::optional<TaskView>();
  return runner::read_task(connection, run_id, row.text(0));
}

// The attempt before the last that is called so; 0: none of this task's.
int earlier_attempt(const TaskView& task, std::string_view name) {
  if (name.size() <= task.pod_name.size() + 1) return 0;
  const auto attempt = parse_int(name.substr(task.pod_name.size() + 1));
  return attempt && *attempt >= 1 && *attempt < task.attempt ? static_cast<int>(*attempt) : 0;
}

}  // namespace

Result<Node> find_node(db::Database& database, const std::string& run_id, const std::string& node) {
  std::optional<TaskView> task;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    if (!MR_TRY(runner::find_run(connection, run_id))) return fail(not_found("Run", run_id));
    task = MR_TRY(runner::read_task(connection, run_id, node));
    if (!task) task = MR_TRY(find_by_pod(connection, run_id, node));
    return {};
  }));
  if (task && (task->id == node || task->pod_name == node)) return Node{std::move(*task), 0};
  if (const int attempt = task ? earlier_attempt(*task, node) : 0; attempt != 0) return Node{std::move(*task), attempt};
  return fail(Code::not_found, fmt::format("the run {} has no pod or task named {}", run_id, node));
}

}  // namespace millrace::pipelines::api
