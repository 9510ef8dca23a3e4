#pragma once
// What the page shows, as JSON (web/src/data/types.ts is the other side of it). Times: milliseconds since 1970.

#include <string>
#include <vector>

#include "base/value.h"
#include "logs/logs.h"
#include "pipelines/pipelines.h"
#include "s3/s3.h"

namespace millrace::console {

Value run_json(const pipelines::RunView& run, bool with_tasks);

// Objects one level below `prefix`, as folders and objects; at most `limit` of them, `truncated` says that there are
// more. `objects` are sorted by key.
Value folder_json(const std::vector<s3::ObjectInfo>& objects, const std::string& prefix, std::size_t limit);

Value events_json(const std::vector<logs::Event>& events);

}  // namespace millrace::console
