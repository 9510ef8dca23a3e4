// POST /runs: everything that can be wrong with a run is said here, before anything is stored.

#include <fmt/core.h>

#include "base/ids.h"
#include "base/json.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/run_message.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/store.h"
#include "pipelines/runner/bind.h"
#include "pipelines/spec/pipeline_spec.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kSuffix = 5;       // of a resource name, as upstream
constexpr std::size_t kMaxName = 1'024;  // bytes

struct Source {
  Value spec;
  std::string pipeline_id, version_id;
};

Result<Source> read_source(Context& context, const Value& body) {
  Source source;
  if (body.has("pipeline_spec")) {
    if (body.has("pipeline_version_reference") || body.has("pipeline_version_id"))
      return fail(Code::invalid_argument, "a run takes a pipeline_spec or a pipeline_version_reference, not both");
    source.spec = body["pipeline_spec"];
    return source;
  }
  std::string pipeline_id, version_id = MR_TRY(text_field(body, "pipeline_version_id"));
  if (body.has("pipeline_version_reference")) {
    const Value reference = MR_TRY(read_message(body["pipeline_version_reference"], "pipeline_version_reference",
                                                {"pipeline_id", "pipeline_version_id"}));
    pipeline_id = MR_TRY(text_field(reference, "pipeline_id"));
    version_id = MR_TRY(text_field(reference, "pipeline_version_id"));
  }
  if (pipeline_id.empty() && version_id.empty())
    return fail(Code::invalid_argument, "the run needs a pipeline_spec or a pipeline_version_reference");
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    Version version = MR_TRY(find_version(connection, pipeline_id, version_id));
    source = {std::move(version.spec), version.pipeline_id, version.id};
    return {};
  }));
  return source;
}

Status keep_workflow(Context& context, const std::string& run_id, const Value& workflow) {
  const std::string manifest = to_json(workflow);
  return context.database.write([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare("INSERT INTO kfp_v1_workflows(run_id, manifest) VALUES(?,?)"));
    return runner::bind_all(row, run_id, manifest).run();
  });
}

}  // namespace

Result<Value> create_run(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(call, "Run",
                                      {"experiment_id",
                                       "run_id",
                                       "display_name",
                                       "storage_state",
                                       "description",
                                       "pipeline_version_id",
                                       "pipeline_spec",
                                       "pipeline_version_reference",
                                       "runtime_config",
                                       "service_account",
                                       "created_at",
                                       "scheduled_at",
                                       "finished_at",
                                       "state",
                                       "error",
                                       "run_details",
                                       "recurring_run_id",
                                       "state_history",
                                       "plugins_input",
                                       "plugins_output"}));
  if (!body["plugins_input"].empty())
    return fail(Code::unimplemented, "plugins are not served here; leave plugins_input out");
  runner::RunRecord run;
  run.name = MR_TRY(text_field(body, "display_name"));
  if (run.name.empty()) return fail(Code::invalid_argument, "the run needs a display_name");
  if (run.name.size() > kMaxName)
    return fail(Code::invalid_argument, fmt::format("display_name is longer than {} bytes", kMaxName));
  run.description = MR_TRY(text_field(body, "description"));
  run.service_account = MR_TRY(text_field(body, "service_account"));
  const Value config = MR_TRY(read_message(body["runtime_config"], "runtime_config", {"parameters", "pipeline_root"}));
  if (const std::string root = MR_TRY(text_field(config, "pipeline_root")); !root.empty())
    MR_TRY(executors::check_root(root));
  if (config.has("parameters") && !config["parameters"].is_object())
    return fail(Code::invalid_argument, "runtime_config.parameters must be a JSON object");
  run.runtime_config = config;

  Source source = MR_TRY(read_source(context, body));
  const Package package = MR_TRY(unwrap_package(source.spec));
  const PipelineSpec spec = MR_TRY(parse_pipeline_spec(package.spec, package.platform));
  MR_TRY(context.runner.check(spec));
  const bool is_workflow = !package.workflow.is_null();
  run.parameters = MR_TRY(
      engine::bind_parameters(spec, is_workflow ? v1::text_parameters(config["parameters"]) : config["parameters"]));

  std::string experiment = MR_TRY(text_field(body, "experiment_id"));
  if (experiment.empty()) experiment = call.parameter("experiment_id");
  run.experiment_id = MR_TRY(resolve_experiment(context.database, experiment));
  run.id = uuid4();
  run.pipeline_id = source.pipeline_id;
  run.version_id = source.version_id;
  run.pipeline_name = spec.name;
  run.resource_name = fmt::format("{}-{}", spec.name, random_base36(kSuffix));
  run.created = context.clock.now();
  run.scheduled = run.created;
  if (!is_workflow) return to_message(MR_TRY(context.runner.create(std::move(run), source.spec)));
  // What runs is the translation of this day; what was submitted is kept beside it, for the older API. A row that is
  // left by a server that died here has no run, and hurts nobody.
  MR_TRY(keep_workflow(context, run.id, package.workflow));
  return to_message(MR_TRY(context.runner.create(
      std::move(run), Value::object({{"pipeline_spec", package.spec}, {"platform_spec", package.platform}}))));
}

}  // namespace millrace::pipelines::api
