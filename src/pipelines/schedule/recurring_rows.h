#pragma once
// Rows of recurring runs. Everything here that takes a connection runs inside a transaction of the caller's.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "base/value.h"
#include "db/database.h"
#include "pipelines/schedule/time_zone.h"

namespace millrace::pipelines::schedule {

constexpr std::int64_t kMaxRecurringRuns = 10'000;  // kept at a time

struct RecurringRun {
  std::string id, name, description;
  std::string resource_name;                           // what its runs' names begin with
  std::string experiment_id, pipeline_id, version_id;  // a pipeline without a version: the newest one, each time
  std::string pipeline_name, service_account;
  Value runtime_config = Value::object();  // as it was given, macros and all
  Value trigger;                           // the API's message; null: none
  std::int64_t max_concurrency = 1;        // 1 to 10
  bool no_catchup = false;
  bool enabled = false;
  Time created{}, updated{};
  std::int64_t last_index = 0;                     // of the runs it has started
  Time last_scheduled{};                           // what the last one was for; says nothing where there was none
  std::optional<Time> due;                         // none: it starts no more
  std::optional<Error> error;                      // why the run that is due could not be started
  std::shared_ptr<const TimeZone> zone = nullptr;  // of a cron that names none; not stored, set by whoever uses it
};

// The columns that recurring_from_row reads, in its order; of the table kfp_recurring_runs.
inline constexpr std::string_view kRecurringColumns =
    "id, name, description, resource_name, experiment_id, pipeline_id, version_id, pipeline_name, service_account, "
    "runtime_config, trigger, max_concurrency, no_catchup, enabled, created, updated, last_index, last_scheduled, due, "
    "error_code, error";
RecurringRun recurring_from_row(const db::Statement& row);

// `spec`: the pipeline where it came with the recurring run; null: a stored one's. `due` is worked out here. Errors:
// resource_exhausted.
Status insert_recurring(db::Connection& connection, const RecurringRun& recurring, const Value& spec);
Result<std::optional<RecurringRun>> find_recurring(db::Connection& connection, const std::string& id);
Result<Value> read_recurring_spec(db::Connection& connection, const std::string& id);  // null: a stored pipeline's
Status set_enabled(db::Connection& connection, const std::string& id, bool enabled, Time now);
Status disable_experiment(db::Connection& connection, const std::string& experiment_id, Time now);
Status delete_recurring(db::Connection& connection, const std::string& id);  // its runs stay

// Enabled and due at `now`: the ids, the one that has waited longest first.
Result<std::vector<std::string>> due_recurring(db::Connection& connection, Time now);
// The first time after `now` that one is due.
Result<std::optional<Time>> next_due(db::Connection& connection, Time now);
Result<std::int64_t> count_under_way(db::Connection& connection,
                                     const std::string& id);  // its runs that have not ended

// The run with this index has been started: to be called in the transaction that stores the run. Errors: aborted where
// another has that index, or the recurring run is gone or not enabled any more.
Status take_index(db::Connection& connection, const RecurringRun& recurring, std::int64_t index, Time scheduled);
// Works out anew when each is due, as the zone may be another one since that was stored. What never was due stays so.
Status refresh_due(db::Connection& connection, const std::shared_ptr<const TimeZone>& zone);
Status note_error(db::Connection& connection, const std::string& id, const Error& error);

}  // namespace millrace::pipelines::schedule
