#pragma once
// Rows of the artifacts that tasks have made, and of the numbers among them: what lists are filtered, sorted and paged
// by. They follow from the tasks' rows and are written with them.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "db/database.h"

namespace millrace::pipelines::runner {

std::span<const db::Migration> artifact_migrations();  // component "pipelines.artifacts"

// The outputs of a task that has ended, as its node has them. Again for the same task: the same ids, what they say
// replaced.
Status put_artifacts(db::Connection& connection, const std::string& run_id, const std::string& task_id, Time ended,
                     const Value& artifacts);
Status delete_artifacts(db::Connection& connection, const std::string& run_id);

// Artifact ids of a run by uri: a task's inputs are others' outputs.
Result<std::map<std::string, std::int64_t, std::less<>>> artifact_ids(db::Connection& connection,
                                                                      const std::string& run_id);

// The artifact's type as the API calls it ("Metric") for a schema's title ("system.Metrics").
std::string_view artifact_type(std::string_view schema_title);

}  // namespace millrace::pipelines::runner
