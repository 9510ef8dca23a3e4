#include "pipelines/api/routes.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/encode.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/route.h"
#include "pipelines/api/v1beta1/routes.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::string_view kV2 = "/apis/v2beta1", kV1 = "/apis/v1beta1";

constexpr Route kRoutes[] = {
    {"GET", "/healthz", get_healthz, Access::anyone},
    {"POST", "/experiments", create_experiment, Access::step},
    {"GET", "/experiments", list_experiments, Access::step},
    {"GET", "/experiments/{id}", get_experiment, Access::step},
    {"DELETE", "/experiments/{id}", delete_experiment, Access::person},
    {"POST", "/experiments/{id}:archive", archive_experiment, Access::person},
    {"POST", "/experiments/{id}:unarchive", unarchive_experiment, Access::person},
    {"POST", "/runs", create_run, Access::step},
    {"GET", "/runs", list_runs, Access::filtered},
    {"DELETE", "/runs/{id}", delete_run, Access::descendant},
    {"POST", "/runs/{id}:terminate", terminate_run, Access::family},
    {"POST", "/runs/{id}:retry", retry_run, Access::descendant},
    {"POST", "/runs/{id}:archive", archive_run, Access::family},
    {"POST", "/runs/{id}:unarchive", unarchive_run, Access::family},
    {"GET", "/runs/{id}/visualizations", get_visualizations, Access::family},
    {"POST", "/recurringruns", create_recurring_run, Access::person},
    {"GET", "/recurringruns", list_recurring_runs, Access::person},
    {"GET", "/recurringruns/{id}", get_recurring_run, Access::person},
    {"DELETE", "/recurringruns/{id}", delete_recurring_run, Access::person},
    {"POST", "/recurringruns/{id}:enable", enable_recurring_run, Access::person},
    {"POST", "/recurringruns/{id}:disable", disable_recurring_run, Access::person},
    {"GET", "/artifacts", list_artifacts, Access::filtered},
    {"GET", "/artifacts/{id}", get_artifact, Access::filtered},
    {"GET", "/artifacts/{id}:files", list_artifact_files, Access::filtered},
    {"GET", "/auth", authorize, Access::step},
    {"POST", "/pipelines/upload", upload_pipeline, Access::step, true},
    {"POST", "/pipelines/upload_version", upload_version, Access::step, true},
    {"POST", "/pipelines/create", create_pipeline_and_version, Access::step},
    {"POST", "/pipelines", create_pipeline, Access::step},
    {"GET", "/pipelines", list_pipelines, Access::step},
    {"GET", "/pipelines/names/{name}", get_pipeline_by_name, Access::step},
    {"GET", "/pipelines/{id}", get_pipeline, Access::step},
    {"PATCH", "/pipelines/{id}", update_pipeline, Access::person},
    {"DELETE", "/pipelines/{id}", delete_pipeline, Access::person},
    {"POST", "/pipelines/{id}/versions", create_version, Access::step},
    {"GET", "/pipelines/{id}/versions", list_versions, Access::step},
    {"GET", "/pipelines/{id}/versions/{version}", get_version, Access::step},
    {"PATCH", "/pipelines/{id}/versions/{version}", update_version, Access::person},
    {"DELETE", "/pipelines/{id}/versions/{version}", delete_version, Access::person},
};

// Answers that are not a message.
struct BytesRoute {
  std::string_view method, pattern;  // from the root
  Result<net::Response> (*operation)(Context&, const Call&);
  Access access;
  bool plain_errors = true;
};
constexpr BytesRoute kBytesRoutes[] = {
    {"GET", "/apis/v2beta1/runs/{id}", get_run, Access::family, false},
    {"GET", "/apis/v1alpha1/runs/{run}/nodes/{node}/log", read_log, Access::family},
    {"GET", "/apis/v1beta1/runs/{run}/nodes/{node}/log", read_log, Access::family},
    {"GET", "/apis/v2beta1/runs/{run}/nodes/{node}/log", read_log, Access::family},
    {"GET", "/apis/v1beta1/runs/{run}/nodes/{node}/artifacts/{name}:read", read_artifact, Access::family},
    {"GET", "/apis/v2beta1/runs/{run}/nodes/{node}/artifacts/{name}:read", read_artifact, Access::family},
    {"GET", "/apis/v2beta1/artifacts/{id}:download", download_artifact, Access::filtered},
    {"GET", "/artifacts/get", get_stored_artifact, Access::person},
    {"GET", "/artifacts/{source}/{bucket}/{key...}", get_stored_artifact, Access::person},
};

constexpr std::string_view kNoPython =
    "visualizations that a Python service draws are not served here; a run's metrics, curves, HTML and Markdown are "
    "data at /apis/v2beta1/runs/{run}/visualizations";
constexpr std::string_view kNoReports = "reports of Argo's controllers have no place here: nothing runs in Argo";
constexpr std::string_view kMadeByTasks = "artifacts are made by the tasks of a run, not over this API";

// What upstream has and we have not, with the words that say so.
struct Gap {
  std::string_view method, pattern, sentence;
};
constexpr Gap kGaps[] = {
    {"POST", "/artifacts", kMadeByTasks},
    {"POST", "/artifacts:batchCreate", kMadeByTasks},
    {"*", "/artifact_tasks", "which tasks an artifact went through is in a run's run_details"},
    {"POST", "/visualizations/{namespace}", kNoPython},
    {"POST", "/workflows", kNoReports},
    {"POST", "/scheduledworkflows", kNoReports},
    {"*", "/tasks", "listing tasks is not served yet; a run's tasks stand in its run_details"},
};

}  // namespace

net::Response answer(Context& context, net::Request& request) {
  Call call{request, {}, net::parse_query(request.raw_query)};
  std::string_view path = request.path;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  bool other_method = false;
  if (const BytesRoute* route = net::find_route(kBytesRoutes, request.method, path, call.path, other_method)) {
    const Status allowed = check_access(context, route->access, call);
    auto response = allowed ? route->operation(context, call) : Result<net::Response>(fail(allowed.error()));
    if (response) return std::move(*response);
    return route->plain_errors ? plain_error_response(response.error()) : error_response(response.error());
  }
  if (request.method == "POST" && net::match_path("/apis/v1beta1/visualizations/{namespace}", path, call.path))
    return error_response({Code::unimplemented, std::string(kNoPython)});
  if (path.starts_with("/apis/v1beta1/")) return v1beta1::answer(context, call, path.substr(kV1.size()));
  if (!path.starts_with(kV2)) return no_route(request, false);
  path.remove_prefix(kV2.size());
  other_method = false;
  if (auto answered = answer_from(kRoutes, context, call, path, other_method)) return *std::move(answered);
  bool gap_of_other_method = false;
  if (const Gap* gap = net::find_route(kGaps, request.method, path, call.path, gap_of_other_method))
    return error_response({Code::unimplemented, std::string(gap->sentence)});
  return no_route(request, other_method);
}

net::Response no_route(const net::Request& request, bool other_method) {
  if (other_method)
    return error_response({Code::unimplemented, fmt::format("{} is not a method of this address", request.method)});
  return error_response({Code::not_found, "there is nothing at this address"});
}

}  // namespace millrace::pipelines::api
