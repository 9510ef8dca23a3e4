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

Value folder_json(const s3::Folder& folder);

Value events_json(const std::vector<logs::Event>& events);

}  // namespace millrace::console
