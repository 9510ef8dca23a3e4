#include "pipelines/api/access.h"

#include <algorithm>
#include <optional>

#include <fmt/core.h>

namespace millrace::pipelines::api {
namespace {

// A run started by a step of a run that … : so that a pipeline which starts itself comes to an end.
constexpr std::size_t kMaxGenerations = 16;

tl::unexpected<Error> denied(std::string message) { return fail(Code::permission_denied, std::move(message)); }

std::string id_of(const Call& call) {
  for (const std::string_view name : {"run", "id"}) {
    if (const auto found = call.path.find(name); found != call.path.end()) return found->second;
  }
  return {};
}

// The rights of runs that steps of this one start, which is under way.
Result<executors::Rights> rights_of_steps(Context& context, const std::string& run_id) {
  std::optional<runner::RunRecord> run;
  Value spec;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    run = MR_TRY(runner::find_run(connection, run_id));
    if (run) spec = MR_TRY(runner::read_spec(connection, run_id));
    return {};
  }));
  if (!run) return denied(fmt::format("the run {}, whose step this is, is not there any more", run_id));
  const Package package = MR_TRY(unwrap_package(spec));
  const PipelineSpec pipeline = MR_TRY(parse_pipeline_spec(package.spec, package.platform));
  std::string root = run->runtime_config["pipeline_root"].string_or();
  if (root.empty()) root = pipeline.default_root;
  std::optional<executors::Rights> own;
  if (!run->rights.is_null()) own = executors::rights_from(run->rights);
  return executors::rights_for_children(pipeline, {run->id, run->service_account, std::move(root), run->parameters},
                                        own ? &*own : nullptr);
}

}  // namespace

Status check_access(Context& context, Access access, const Call& call) {
  const Caller& caller = context.caller;
  if (caller.is_person() || access == Access::anyone) return {};
  if (context.options.task_api == TaskApi::closed)
    return denied("this server was started with --task-api=closed: steps of pipelines may not use its API");
  if (caller.kind == Caller::Kind::stranger)
    return denied(
        "this process was started by the server and belongs to no step that is under way: it may not use "
        "this API");
  switch (access) {
    case Access::anyone:
    case Access::step:
    case Access::filtered:
      return {};
    case Access::family:
      return check_family(context, id_of(call));
    case Access::descendant:
      if (id_of(call) == caller.run_id) return denied("a step may not do this to the run that it belongs to");
      return check_family(context, id_of(call));
    case Access::person:
      return denied(fmt::format("a step of a pipeline may not {} {}: that is for people and their programs",
                                call.request.method, call.request.path));
  }
  return denied("this is not for steps of pipelines");
}

Result<bool> is_family(db::Connection& connection, const Caller& caller, std::string_view run_id) {
  if (caller.is_person()) return true;
  if (caller.run_id.empty()) return false;
  if (run_id == caller.run_id) return true;
  auto row =
      MR_TRY(connection.prepare("WITH RECURSIVE above(id) AS (SELECT parent_run_id FROM kfp_runs WHERE id = ? "
                                "UNION SELECT parent_run_id FROM kfp_runs JOIN above ON kfp_runs.id = above.id) SELECT "
                                "1 FROM above WHERE id = ?"));
  return MR_TRY(row.bind_all(run_id, caller.run_id).step());
}

Status check_family(Context& context, const std::string& run_id) {
  if (context.caller.is_person()) return {};
  bool family = false;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    family = MR_TRY(is_family(connection, context.caller, run_id));
    return {};
  }));
  if (family) return {};
  return denied(fmt::format("the run {} is neither that of the step that asks nor one that it has started", run_id));
}

void show_family(const Context& context, Listing& listing, std::string_view column) {
  if (!context.caller.is_person()) listing.family = {std::string(column), context.caller.run_id};
}

bool may_read_artifact(const Context& context, const std::string& run_id, const std::string& uri) {
  return context.caller.is_person() || executors::is_artifact_of(uri, run_id);
}

Status check_artifact(Context& context, const std::string& run_id, const std::string& uri) {
  MR_TRY(check_family(context, run_id));
  if (may_read_artifact(context, run_id, uri)) return {};
  return denied(fmt::format("the artifact {} was not made by the run {}, and a step reads those of its own runs only",
                            uri, run_id));
}

Status restrict_run(Context& context, const PipelineSpec& pipeline, runner::RunRecord& run) {
  if (context.caller.is_person()) return {};
  executors::Rights rights = MR_TRY(rights_of_steps(context, context.caller.run_id));
  if (rights.runs.size() > kMaxGenerations)
    return denied(fmt::format("steps have started runs in {} generations, and may not start another", kMaxGenerations));
  MR_TRY(executors::check_rights(rights, pipeline));
  if (run.service_account.empty()) run.service_account = rights.service_account;
  if (run.service_account != rights.service_account)
    return denied(
        fmt::format("the run may not have the service account \"{}\": that of the run whose step starts it "
                    "is \"{}\"",
                    run.service_account, rights.service_account));
  const std::string given = run.runtime_config["pipeline_root"].string_or();
  const std::string& root = given.empty() ? pipeline.default_root : given;
  if (!root.empty() && root != rights.pipeline_root)
    return denied(
        fmt::format("the run may not have the pipeline root {}: a step that starts a run gives it that of "
                    "its own, or none",
                    root));
  run.parent_run_id = context.caller.run_id;
  run.rights = executors::to_value(rights);
  return {};
}

Status note_pipeline(db::Connection& connection, const Caller& caller, const std::string& pipeline_id) {
  if (caller.is_person()) return {};
  auto row = MR_TRY(connection.prepare("INSERT INTO kfp_pipelines_of_steps(pipeline_id, run_id) VALUES(?,?)"));
  return row.bind_all(pipeline_id, caller.run_id).run();
}

Status check_pipeline_family(db::Connection& connection, const Caller& caller, const std::string& pipeline_id) {
  if (caller.is_person()) return {};
  auto row = MR_TRY(connection.prepare("SELECT run_id FROM kfp_pipelines_of_steps WHERE pipeline_id = ?"));
  if (MR_TRY(row.bind_all(pipeline_id).step()) && MR_TRY(is_family(connection, caller, row.text(0)))) return {};
  return denied(fmt::format("a step may add versions only to pipelines that its own runs have made, and {} is none",
                            pipeline_id));
}

}  // namespace millrace::pipelines::api
