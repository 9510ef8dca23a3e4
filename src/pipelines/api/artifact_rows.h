#pragma once
// Artifacts as the API's operations find them.

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "db/database.h"

namespace millrace::pipelines::api {

struct ArtifactRow {
  std::int64_t id = 0;
  std::string name, type, uri, run_id, task_id, output;
  Value metadata;
  std::optional<double> number;
  Time created{};
};
Result<ArtifactRow> find_artifact(db::Database& database, const std::string& id);
// Of a task's output; the first where it is a list. Errors: not_found.
Result<std::string> artifact_uri(db::Database& database, const std::string& run_id, const std::string& task_id,
                                 const std::string& output);

}  // namespace millrace::pipelines::api
