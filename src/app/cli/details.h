#pragma once
// A run as the API gives it, with what only the console's API tells of its tasks.

#include "app/cli/client.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::app {

// Adds to each task of `run` (task_details) what `console` (ApiClient::console_run) has: "cached", "attempt",
// "depends_on". Pure.
void add_task_facts(Value& run, const Value& console);
// Adds "values" as well: {"inputs": {"parameters": {name: value}, "artifacts": {name: [{artifact_id, name, type, uri,
// metadata}]}}, "outputs": …}. `artifacts`: the API's list of them. Pure.
void add_task_values(Value& run, const Value& console, const Value& artifacts);

// Both, of a run that ApiClient::run gave. What asks for a step of a pipeline is refused the console's API: its run
// stays as it is.
Status add_details(ApiClient& client, Value& run);
Status add_facts(ApiClient& client, Value& run);

}  // namespace millrace::app
