#include "pipelines/api/v1beta1/door.h"

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/api/door.h"
#include "pipelines/api/v1beta1/operations.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

struct Route {
  std::string_view method, pattern;
  Result<Value> (*operation)(Context&, const Call&);
  bool plain_errors = false;
};

constexpr Route kRoutes[] = {
    {"GET", "/healthz", api::get_healthz},
    {"GET", "/auth", api::authorize},
    {"POST", "/experiments", create_experiment},
    {"GET", "/experiments", list_experiments},
    {"GET", "/experiments/{id}", get_experiment},
    {"DELETE", "/experiments/{id}", api::delete_experiment},
    {"POST", "/experiments/{id}:archive", api::archive_experiment},
    {"POST", "/experiments/{id}:unarchive", api::unarchive_experiment},
    {"POST", "/pipelines/upload", upload_pipeline, true},
    {"POST", "/pipelines/upload_version", upload_version, true},
    {"POST", "/pipelines", create_pipeline},
    {"GET", "/pipelines", list_pipelines},
    {"GET", "/pipelines/{id}", get_pipeline},
    {"DELETE", "/pipelines/{id}", delete_pipeline},
    {"GET", "/pipelines/{id}/templates", get_pipeline_template},
    {"POST", "/pipelines/{id}/default_version/{version}", set_default_version},
    {"GET", "/namespaces/{namespace}/pipelines/{name}", get_pipeline_by_name},
    {"POST", "/pipeline_versions", create_version},
    {"GET", "/pipeline_versions", list_versions},
    {"GET", "/pipeline_versions/{version}", get_version},
    {"DELETE", "/pipeline_versions/{version}", delete_version},
    {"GET", "/pipeline_versions/{version}/templates", get_version_template},
    {"POST", "/runs", create_run},
    {"GET", "/runs", list_runs},
    {"GET", "/runs/{id}", get_run},
    {"DELETE", "/runs/{id}", api::delete_run},
    {"POST", "/runs/{id}/terminate", api::terminate_run},
    {"POST", "/runs/{id}/retry", api::retry_run},
    {"POST", "/runs/{id}:archive", api::archive_run},
    {"POST", "/runs/{id}:unarchive", api::unarchive_run},
    {"POST", "/runs/{id}:reportMetrics", report_metrics},
    {"POST", "/jobs", create_job},
    {"GET", "/jobs", list_jobs},
    {"GET", "/jobs/{id}", get_job},
    {"DELETE", "/jobs/{id}", api::delete_recurring_run},
    {"POST", "/jobs/{id}/enable", api::enable_recurring_run},
    {"POST", "/jobs/{id}/disable", api::disable_recurring_run},
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
  for (const Route& route : kRoutes) {
    if (!matches(route.pattern, path, call.path)) continue;
    if (route.method != call.request.method) {
      other_method = true;
      continue;
    }
    const auto message = route.operation(context, call);
    if (message) return net::Response::json(200, to_json(*message));
    return route.plain_errors ? plain_error_response(message.error()) : error_response(message.error());
  }
  if (other_method)
    return error_response(
        {Code::unimplemented, fmt::format("{} is not a method of this address", call.request.method)});
  return error_response({Code::not_found, "there is nothing at this address"});
}

}  // namespace millrace::pipelines::api::v1beta1
