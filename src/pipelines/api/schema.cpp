#include "pipelines/api/operations.h"

namespace millrace::pipelines::api {
namespace {

constexpr db::Migration kMigrations[] = {
    {1, "ALTER TABLE kfp_pipeline_versions ADD COLUMN package_url TEXT NOT NULL DEFAULT ''"},
    // What lists are sorted and filtered by most. Nothing that a run's events change: that would be paid with each.
    {2,
     "CREATE INDEX kfp_runs_by_name ON kfp_runs(name, id);"
     "CREATE INDEX kfp_runs_by_storage ON kfp_runs(storage_state, created, id)"},
    // Names as they are compared; a part of a name is looked for along the time, without the rows themselves; what a
    // page of an experiment shows.
    {3,
     "DROP INDEX kfp_runs_by_name;"
     "CREATE INDEX kfp_runs_by_name ON kfp_runs(name COLLATE NOCASE, id);"
     "DROP INDEX kfp_runs_by_time;"
     "CREATE INDEX kfp_runs_by_time_and_name ON kfp_runs(created, id, name);"
     "CREATE INDEX kfp_runs_by_experiment_and_storage ON kfp_runs(experiment_id, storage_state, created, id)"}};

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

}  // namespace millrace::pipelines::api
