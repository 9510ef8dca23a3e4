#include "pipelines/runner/schema.h"

namespace millrace::pipelines::runner {
namespace {

// Times are milliseconds since 1970; 0: not yet. A run's state is what its events make of it: the rows of kfp_runs and
// kfp_tasks are a view, written in the transaction of the event.
constexpr db::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE kfp_experiments(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  namespace TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_run_created INTEGER NOT NULL,
  storage_state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE kfp_pipelines(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  namespace TEXT NOT NULL,
  created INTEGER NOT NULL,
  tags TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE kfp_pipeline_versions(
  id TEXT PRIMARY KEY,
  pipeline_id TEXT NOT NULL REFERENCES kfp_pipelines(id),
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  description TEXT NOT NULL,
  created INTEGER NOT NULL,
  code_source_url TEXT NOT NULL,
  tags TEXT NOT NULL,
  spec TEXT NOT NULL,
  UNIQUE(pipeline_id, name)
) WITHOUT ROWID;
CREATE TABLE kfp_runs(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  experiment_id TEXT NOT NULL,
  pipeline_id TEXT NOT NULL,
  version_id TEXT NOT NULL,
  pipeline_name TEXT NOT NULL,
  resource_name TEXT NOT NULL,
  service_account TEXT NOT NULL,
  runtime_config TEXT NOT NULL,
  parameters TEXT NOT NULL,
  created INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  state TEXT NOT NULL,
  storage_state TEXT NOT NULL,
  error TEXT NOT NULL,
  state_history TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX kfp_runs_by_time ON kfp_runs(created, id);
CREATE INDEX kfp_runs_by_experiment ON kfp_runs(experiment_id, created, id);
CREATE INDEX kfp_runs_under_way ON kfp_runs(id) WHERE finished = 0;
CREATE TABLE kfp_run_specs(run_id TEXT PRIMARY KEY, spec TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE kfp_tasks(
  position INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL,
  path TEXT NOT NULL,
  data TEXT NOT NULL,
  UNIQUE(run_id, path)
);
CREATE TABLE run_events(
  run_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY(run_id, number)
) WITHOUT ROWID;
)sql"},
                                         {2, R"sql(
CREATE TABLE kfp_cache(
  fingerprint TEXT PRIMARY KEY,
  run_id TEXT NOT NULL,
  created INTEGER NOT NULL,
  parameters TEXT NOT NULL,
  artifacts TEXT NOT NULL
) WITHOUT ROWID;
)sql"},
                                         // A recurring run's `due` is the next time it is to start a run; NULL: never.
                                         // Its last index is 0, and `last_scheduled` says nothing, before the first.
                                         {3, R"sql(
CREATE TABLE kfp_recurring_runs(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  resource_name TEXT NOT NULL,
  experiment_id TEXT NOT NULL,
  pipeline_id TEXT NOT NULL,
  version_id TEXT NOT NULL,
  pipeline_name TEXT NOT NULL,
  service_account TEXT NOT NULL,
  runtime_config TEXT NOT NULL,
  trigger TEXT NOT NULL,
  max_concurrency INTEGER NOT NULL,
  no_catchup INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  last_index INTEGER NOT NULL,
  last_scheduled INTEGER NOT NULL,
  due INTEGER,
  error_code TEXT NOT NULL,
  error TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX kfp_recurring_runs_due ON kfp_recurring_runs(due, id) WHERE enabled = 1 AND due IS NOT NULL;
CREATE TABLE kfp_recurring_run_specs(recurring_run_id TEXT PRIMARY KEY, spec TEXT NOT NULL) WITHOUT ROWID;
ALTER TABLE kfp_runs ADD COLUMN recurring_run_id TEXT NOT NULL DEFAULT '';
ALTER TABLE kfp_runs ADD COLUMN scheduled INTEGER NOT NULL DEFAULT 0;
UPDATE kfp_runs SET scheduled = created;
CREATE INDEX kfp_runs_by_recurring_run ON kfp_runs(recurring_run_id, created, id);
CREATE INDEX kfp_runs_recurring_under_way ON kfp_runs(recurring_run_id) WHERE finished = 0 AND recurring_run_id <> '';
)sql"},
                                         // A row of run_events holds a list of events, whose first has the row's
                                         // number; rows of one event, as before, stay and are read. What earlier
                                         // programs would take for an event of their own they must not open.
                                         {4, "SELECT 1"},
                                         // Of a run that a step of another one has started: that one, and what it
                                         // may use (executors/rights.h). Pipelines that steps have made.
                                         {5, R"sql(
ALTER TABLE kfp_runs ADD COLUMN parent_run_id TEXT NOT NULL DEFAULT '';
ALTER TABLE kfp_runs ADD COLUMN rights TEXT NOT NULL DEFAULT '';
CREATE INDEX kfp_runs_by_parent ON kfp_runs(parent_run_id) WHERE parent_run_id <> '';
CREATE TABLE kfp_pipelines_of_steps(pipeline_id TEXT PRIMARY KEY, run_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TRIGGER kfp_pipeline_of_step_deleted AFTER DELETE ON kfp_pipelines BEGIN
  DELETE FROM kfp_pipelines_of_steps WHERE pipeline_id = OLD.id;
END;
)sql"},
                                         // Of the artifacts of a cached success: which had bytes, and how many.
                                         // Nobody knows that of earlier rows, which are no hits.
                                         {6, "ALTER TABLE kfp_cache ADD COLUMN written TEXT NOT NULL DEFAULT 'null'"}};

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

}  // namespace millrace::pipelines::runner
