#pragma once
// Which task a node of the API is: runs/{run}/nodes/{node}/….

#include <string>

#include "base/result.h"
#include "db/database.h"
#include "pipelines/pipelines.h"

namespace millrace::pipelines::api {

struct Node {
  TaskView task;
  int attempt = 0;  // an attempt before the last; 0: the task as it is
};
// By the task's id, its pod's name, or that of an attempt before the last (attempt_name). Asked for by id it costs the
// same in a run of ten thousand tasks. Errors: not_found, for the run or the node.
Result<Node> find_node(db::Database& database, const std::string& run_id, const std::string& node);

}  // namespace millrace::pipelines::api
