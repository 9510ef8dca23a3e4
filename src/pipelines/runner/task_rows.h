#pragma once
// Rows of a run's tasks: what the API reads of them, as text that follows from the engine's nodes. Everything here runs
// inside a transaction of the caller's.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "pipelines/engine/engine.h"
#include "pipelines/views.h"

namespace millrace::pipelines::runner {

struct TaskRow {
  const engine::Node& node;
  std::int64_t position = 0;  // what put_task() gave before; 0: not known
  std::string_view pod_name = {}, image = {};
};
// Gives the row's position: by it the row is found again at less cost than by the task's path.
Result<std::int64_t> put_task(db::Connection& connection, const std::string& run_id, const TaskRow& task);

Result<std::vector<TaskView>> read_tasks(db::Connection& connection, const std::string& run_id);  // in order of making
// The same one by one, for runs of very many tasks.
Status each_task(db::Connection& connection, const std::string& run_id, const std::function<Status(TaskView)>& take);
// A summary of all tasks, needed before the first is written.
struct TaskOutline {
  std::string path, parent_id, pod_name;
  int attempt = 0;
};
Result<std::vector<TaskOutline>> outline_tasks(db::Connection& connection, const std::string& run_id);
Result<std::optional<TaskView>> read_task(db::Connection& connection, const std::string& run_id,
                                          const std::string& path);

}  // namespace millrace::pipelines::runner
