#include "pipelines/api/v1beta1/routes.h"

#include "pipelines/api/route.h"
#include "pipelines/api/v1beta1/operations.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

constexpr Route kRoutes[] = {
    {"GET", "/healthz", api::get_healthz, Access::anyone},
    {"GET", "/auth", api::authorize, Access::step},
    {"POST", "/experiments", create_experiment, Access::step},
    {"GET", "/experiments", list_experiments, Access::step},
    {"GET", "/experiments/{id}", get_experiment, Access::step},
    {"DELETE", "/experiments/{id}", api::delete_experiment, Access::person},
    {"POST", "/experiments/{id}:archive", api::archive_experiment, Access::person},
    {"POST", "/experiments/{id}:unarchive", api::unarchive_experiment, Access::person},
    {"POST", "/pipelines/upload", upload_pipeline, Access::step, true},
    {"POST", "/pipelines/upload_version", upload_version, Access::step, true},
    {"POST", "/pipelines", create_pipeline, Access::step},
    {"GET", "/pipelines", list_pipelines, Access::step},
    {"GET", "/pipelines/{id}", get_pipeline, Access::step},
    {"DELETE", "/pipelines/{id}", delete_pipeline, Access::person},
    {"GET", "/pipelines/{id}/templates", get_pipeline_template, Access::step},
    {"POST", "/pipelines/{id}/default_version/{version}", set_default_version, Access::person},
    {"GET", "/namespaces/{namespace}/pipelines/{name}", get_pipeline_by_name, Access::step},
    {"POST", "/pipeline_versions", create_version, Access::step},
    {"GET", "/pipeline_versions", list_versions, Access::step},
    {"GET", "/pipeline_versions/{version}", get_version, Access::step},
    {"DELETE", "/pipeline_versions/{version}", delete_version, Access::person},
    {"GET", "/pipeline_versions/{version}/templates", get_version_template, Access::step},
    {"POST", "/runs", create_run, Access::step},
    {"GET", "/runs", list_runs, Access::filtered},
    {"GET", "/runs/{id}", get_run, Access::family},
    {"DELETE", "/runs/{id}", api::delete_run, Access::descendant},
    {"POST", "/runs/{id}/terminate", api::terminate_run, Access::family},
    {"POST", "/runs/{id}/retry", api::retry_run, Access::descendant},
    {"POST", "/runs/{id}:archive", api::archive_run, Access::family},
    {"POST", "/runs/{id}:unarchive", api::unarchive_run, Access::family},
    {"POST", "/runs/{id}:reportMetrics", report_metrics, Access::family},
    {"POST", "/jobs", create_job, Access::person},
    {"GET", "/jobs", list_jobs, Access::person},
    {"GET", "/jobs/{id}", get_job, Access::person},
    {"DELETE", "/jobs/{id}", api::delete_recurring_run, Access::person},
    {"POST", "/jobs/{id}/enable", api::enable_recurring_run, Access::person},
    {"POST", "/jobs/{id}/disable", api::disable_recurring_run, Access::person},
};

constexpr db::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE kfp_v1_workflows(run_id TEXT PRIMARY KEY, manifest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE kfp_v1_metrics(
  run_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  format TEXT NOT NULL,
  PRIMARY KEY(run_id, node_id, name)
) WITHOUT ROWID;
CREATE TABLE kfp_v1_default_versions(
  pipeline_id TEXT PRIMARY KEY, version_id TEXT NOT NULL, chosen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER kfp_v1_run_deleted AFTER DELETE ON kfp_runs BEGIN
  DELETE FROM kfp_v1_workflows WHERE run_id = OLD.id;
  DELETE FROM kfp_v1_metrics WHERE run_id = OLD.id;
END;
CREATE TRIGGER kfp_v1_pipeline_deleted AFTER DELETE ON kfp_pipelines BEGIN
  DELETE FROM kfp_v1_default_versions WHERE pipeline_id = OLD.id;
END;
)sql"}};

}  // namespace

std::span<const db::Migration> migrations() { return kMigrations; }

net::Response answer(Context& context, Call& call, std::string_view path) {
  bool other_method = false;
  if (auto answered = answer_from(kRoutes, context, call, path, other_method)) return *std::move(answered);
  return no_route(call.request, other_method);
}

}  // namespace millrace::pipelines::api::v1beta1
