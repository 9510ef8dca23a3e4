#pragma once
// Rows of runs, their tasks and their events. Everything here runs inside a transaction of the caller's.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/value.h"
#include "db/database.h"
#include "pipelines/engine/engine.h"
#include "pipelines/views.h"

namespace millrace::pipelines::runner {

struct RunRecord {
  std::string id, name, description, experiment_id, pipeline_id, version_id, pipeline_name, resource_name,
      service_account;
  Value runtime_config = Value::object();  // as it was given
  Value parameters = Value::object();      // with defaults filled in
  Time created{};
  Time scheduled{};  // when it was due; created, unless a recurring run was behind
  std::string recurring_run_id;
  std::optional<Time> finished;
  std::string state;
  std::string storage_state = "AVAILABLE";
  std::string error;
  Value state_history = Value::array();  // [{"update_time", "state"}]
  std::string parent_run_id;             // whose step has started it; empty: a person
  Value rights;                          // what it may use then (executors/rights.h); null: anything
};

// The columns that run_from_row reads, in its order.
inline constexpr std::string_view kRunColumns =
    "id, name, description, experiment_id, pipeline_id, version_id, pipeline_name, resource_name, service_account, "
    "runtime_config, parameters, created, finished, state, storage_state, error, state_history, recurring_run_id, "
    "scheduled, parent_run_id, rights";
RunRecord run_from_row(const db::Statement& row);

// Sets the state and notes the change in the history.
void set_state(RunRecord& run, std::string_view state, Time at);

Status insert_run(db::Connection& connection, const RunRecord& run, const Value& spec);
Status update_run(db::Connection& connection, const RunRecord& run);  // state, finished, error, history
Result<std::optional<RunRecord>> find_run(db::Connection& connection, const std::string& id);
// The pipeline as it was submitted: the IR, or {pipeline_spec, platform_spec}.
Result<Value> read_spec(db::Connection& connection, const std::string& run_id);
Status delete_run(db::Connection& connection, const std::string& id);
Result<std::vector<std::string>> unfinished_runs(db::Connection& connection);
Result<std::map<std::string, std::size_t>> count_unfinished(db::Connection& connection);  // by state

// Several events share a row. `number`: the first one's in its run, from 1.
Status put_events(db::Connection& connection, const std::string& run_id, std::int64_t number,
                  std::span<const engine::Event> events);
Result<std::vector<engine::Event>> read_events(db::Connection& connection, const std::string& run_id);

RunView view_of(const RunRecord& run);

}  // namespace millrace::pipelines::runner
