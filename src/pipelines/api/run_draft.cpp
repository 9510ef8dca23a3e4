#include "pipelines/api/run_draft.h"

#include <fmt/core.h>

#include "base/ids.h"
#include "base/json.h"
#include "pipelines/api/access.h"
#include "pipelines/api/operations.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/store.h"
#include "pipelines/spec/pipeline_spec.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kSuffix = 5;  // of a resource name, as upstream

Status keep_workflow(db::Connection& connection, const std::string& run_id, const Value& workflow) {
  auto row = MR_TRY(connection.prepare("INSERT INTO kfp_v1_workflows(run_id, manifest) VALUES(?,?)"));
  return row.bind_all(run_id, to_json(workflow)).run();
}

}  // namespace

Result<SourceName> read_source_name(const Value& body, std::string_view what) {
  SourceName name;
  if (body.has("pipeline_spec")) {
    if (body.has("pipeline_version_reference") || body.has("pipeline_version_id")) {
      return fail(Code::invalid_argument,
                  fmt::format("a {} takes a pipeline_spec or a pipeline_version_reference, not both", what));
    }
    name.spec = body["pipeline_spec"];
    return name;
  }
  name.version_id = MR_TRY(text_field(body, "pipeline_version_id"));
  if (body.has("pipeline_version_reference")) {
    const Value reference = MR_TRY(read_message(body["pipeline_version_reference"], "pipeline_version_reference",
                                                {"pipeline_id", "pipeline_version_id"}));
    name.pipeline_id = MR_TRY(text_field(reference, "pipeline_id"));
    name.version_id = MR_TRY(text_field(reference, "pipeline_version_id"));
  }
  if (name.pipeline_id.empty() && name.version_id.empty()) {
    return fail(Code::invalid_argument,
                fmt::format("the {} needs a pipeline_spec or a pipeline_version_reference", what));
  }
  return name;
}

Result<Source> stored_source(Context& context, const std::string& pipeline_id, const std::string& version_id) {
  Source source;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    Version version = MR_TRY(find_version(connection, pipeline_id, version_id));
    source = {std::move(version.spec), version.pipeline_id, version.id};
    return {};
  }));
  return source;
}

Result<Value> read_runtime_config(const Value& body) {
  Value config = MR_TRY(read_message(body["runtime_config"], "runtime_config", {"parameters", "pipeline_root"}));
  if (const std::string root = MR_TRY(text_field(config, "pipeline_root")); !root.empty())
    MR_TRY(executors::check_root(root));
  if (config.has("parameters") && !config["parameters"].is_object())
    return fail(Code::invalid_argument, "runtime_config.parameters must be a JSON object");
  return config;
}

Result<Draft> draft_run(Context& context, runner::RunRecord run, Source source, const schedule::Macros& macros) {
  Package package = MR_TRY(unwrap_package(source.spec));
  auto parsed = std::make_unique<PipelineSpec>(MR_TRY(parse_pipeline_spec(package.spec, package.platform)));
  const PipelineSpec& spec = *parsed;
  MR_TRY(engine::check_input_artifacts(spec));
  MR_TRY(restrict_run(context, spec, run));
  const bool is_workflow = !package.workflow.is_null();
  Value& config = run.runtime_config;
  if (config.has("parameters") && (is_workflow || macros.index))
    config.set("parameters", schedule::expand(config["parameters"], macros));
  run.parameters = MR_TRY(
      engine::bind_parameters(spec, is_workflow ? v1::text_parameters(config["parameters"]) : config["parameters"]));
  if (is_workflow) run.parameters = schedule::expand(run.parameters, macros);  // those that have a default, too
  MR_TRY(context.runner.check(spec, run.parameters));
  run.pipeline_id = std::move(source.pipeline_id);
  run.version_id = std::move(source.version_id);
  run.pipeline_name = spec.name;
  run.resource_name = fmt::format("{}-{}", spec.name, random_base36(kSuffix));
  Draft draft{std::move(run), std::move(source.spec), std::move(parsed), std::move(package.workflow)};
  // The run keeps the IR as translated now; what was submitted is kept beside it, for the older API.
  if (is_workflow)
    draft.spec =
        Value::object({{"pipeline_spec", std::move(package.spec)}, {"platform_spec", std::move(package.platform)}});
  return draft;
}

Result<runner::RunRecord> create(Context& context, Draft draft, const db::Database::Work& also) {
  const std::string id = draft.run.id;
  const auto store = [&](db::Connection& connection) -> Status {
    if (!draft.workflow.is_null()) MR_TRY(keep_workflow(connection, id, draft.workflow));
    return also ? also(connection) : Status();
  };
  return context.runner.create(std::move(draft.run), draft.spec, std::move(draft.parsed), store);
}

}  // namespace millrace::pipelines::api
