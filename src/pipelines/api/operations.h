#pragma once
// The operations of the KFP API, by group. Each answers the message that goes into the response's body.

#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "net/http.h"
#include "pipelines/api/call.h"

namespace millrace::pipelines::schedule {
struct RecurringRun;
struct Tick;
}  // namespace millrace::pipelines::schedule

namespace millrace::pipelines::api {

// schema.cpp: what this folder adds to the runner's tables; component "pipelines.api".
std::span<const db::Migration> migrations();

// health.cpp
Result<Value> get_healthz(Context& context, const Call& call);

// experiments.cpp
Status ensure_default_experiment(db::Database& database, const Clock& clock);
// The id to use where a run names none (empty), or the given one if it is there.
Result<std::string> resolve_experiment(db::Database& database, const std::string& id);
// A list of an experiment's rows that has none: is it there at all? Rows outlive their experiment and are listed by it.
// Errors: not_found.
Status check_listed(Context& context, const Value& answer, const std::string& experiment_id);
Result<Value> create_experiment(Context& context, const Call& call);
Result<Value> list_experiments(Context& context, const Call& call);
Result<Value> get_experiment(Context& context, const Call& call);
Result<Value> delete_experiment(Context& context, const Call& call);
Result<Value> archive_experiment(Context& context, const Call& call);
Result<Value> unarchive_experiment(Context& context, const Call& call);

// run_again.cpp: see Pipelines::run_again.
Result<runner::RunRecord> run_again(Context& context, const std::string& run_id, const std::string& name,
                                    const std::function<Status(const std::string& new_id)>& first);

// run_create.cpp, runs.cpp
Result<Value> create_run(Context& context, const Call& call);
Result<Value> list_runs(Context& context, const Call& call);
Result<net::Response> get_run(Context& context, const Call& call);
Result<Value> delete_run(Context& context, const Call& call);
Result<Value> terminate_run(Context& context, const Call& call);
Result<Value> retry_run(Context& context, const Call& call);
Result<Value> archive_run(Context& context, const Call& call);
Result<Value> unarchive_run(Context& context, const Call& call);

// recurring_create.cpp, recurring_runs.cpp
Result<Value> create_recurring_run(Context& context, const Call& call);
Result<Value> list_recurring_runs(Context& context, const Call& call);
Result<Value> get_recurring_run(Context& context, const Call& call);
Result<Value> enable_recurring_run(Context& context, const Call& call);
Result<Value> disable_recurring_run(Context& context, const Call& call);
Result<Value> delete_recurring_run(Context& context, const Call& call);
// What the scheduler calls: makes the run of the tick, with `also` in its transaction.
Status start_recurring(Context& context, const schedule::RecurringRun& recurring, const schedule::Tick& tick,
                       const db::Database::Work& also);

// pipelines.cpp
Result<Value> create_pipeline(Context& context, const Call& call);
Result<Value> list_pipelines(Context& context, const Call& call);
Result<Value> get_pipeline(Context& context, const Call& call);
Result<Value> get_pipeline_by_name(Context& context, const Call& call);
Result<Value> update_pipeline(Context& context, const Call& call);
Result<Value> delete_pipeline(Context& context, const Call& call);

// versions.cpp
struct Version {
  std::string id, pipeline_id, name, display_name, description, code_source_url, package_url;
  Value tags = Value::object();
  Time created{};
  Value spec;
};
// The newest one where `version_id` is empty. Errors: not_found.
Result<Version> find_version(db::Connection& connection, const std::string& pipeline_id, const std::string& version_id);
Value to_message(const Version& version);
Result<Value> list_versions(Context& context, const Call& call);
Result<Value> get_version(Context& context, const Call& call);
Result<Value> update_version(Context& context, const Call& call);
Result<Value> delete_version(Context& context, const Call& call);

// create_from_url.cpp
Result<Value> create_pipeline_and_version(Context& context, const Call& call);
Result<Value> create_version(Context& context, const Call& call);

// uploads.cpp
Result<Value> upload_pipeline(Context& context, const Call& call);
Result<Value> upload_version(Context& context, const Call& call);

// artifacts.cpp, artifact_files.cpp, artifact_bytes.cpp
Result<Value> list_artifacts(Context& context, const Call& call);
Result<Value> get_artifact(Context& context, const Call& call);
Result<Value> list_artifact_files(Context& context, const Call& call);
Result<net::Response> read_artifact(Context& context, const Call& call);
Result<net::Response> download_artifact(Context& context, const Call& call);
Result<net::Response> get_stored_artifact(Context& context, const Call& call);

// visualizations.cpp
Result<Value> get_visualizations(Context& context, const Call& call);

// auth.cpp
Result<Value> authorize(Context& context, const Call& call);

// logs.cpp
Result<net::Response> read_log(Context& context, const Call& call);

}  // namespace millrace::pipelines::api
