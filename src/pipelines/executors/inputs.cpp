#include "pipelines/executors/inputs.h"

#include <fmt/core.h>

#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {

std::string run_artifacts_uri(const RunContext& run) {
  std::string_view root = run.pipeline_root.empty() ? kDefaultRoot : std::string_view(run.pipeline_root);
  while (root.ends_with('/')) root.remove_suffix(1);
  return fmt::format("{}/{}/{}", root, run.pipeline_name, run.run_id);
}

std::string output_uri(const RunContext& run, const engine::Node& node, const std::string& name) {
  const std::string_view path = std::string_view(node.path).substr(sizeof("root/") - 1);
  return fmt::format("{}/{}/{}/{}", run_artifacts_uri(run), path, node.attempt, name);
}

Result<std::string> run_artifacts_place(const RunContext& run) {
  const std::string uri = run_artifacts_uri(run);
  MR_TRY(check_root(run.pipeline_root.empty() ? kDefaultRoot : std::string_view(run.pipeline_root)));
  const auto place = store_place(uri);
  if (place) return *place;
  return fail(Code::invalid_argument, fmt::format("artifacts cannot be kept at {}", uri));
}

Result<std::string> own_artifacts_place(const RunContext& run, const engine::Node& node) {
  const std::string of_run = MR_TRY(run_artifacts_place(run));
  const auto place = store_place(output_uri(run, node, "."));
  if (place && lies_in(*place, of_run)) return *place;
  return fail(Code::invalid_argument, fmt::format("artifacts cannot be kept at {}", output_uri(run, node, "")));
}

Value artifact_value(const std::string& name, const ArtifactSpec& spec, const std::string& uri) {
  return Value::object(
      {{"artifacts", Value::array({Value::object({{"name", name},
                                                  {"type", Value::object({{"schemaTitle", spec.schema_title},
                                                                          {"schemaVersion", spec.schema_version}})},
                                                  {"uri", uri},
                                                  {"metadata", Value::object()}})})}});
}

PlaceholderContext placeholders(const Options& options, const RunContext& run, const engine::Node& node,
                                const Value& input) {
  PlaceholderContext context;
  context.executor_input = &input;
  context.job_name = run.display_name;
  context.job_resource_name = run.resource_name;
  context.job_id = run.run_id;
  context.task_name = node.task->name;
  context.task_id = node.path;
  context.pod_name = pod_name(run, node);
  context.pipeline_root = run.pipeline_root.empty() ? kDefaultRoot : run.pipeline_root;
  context.create_time = format_rfc3339(run.created);
  context.schedule_time = format_rfc3339(run.scheduled.value_or(run.created));
  context.workspace_path =
      run.sandboxed ? std::string(kWorkspacePath) : workspace_directory(options, run.run_id).native();
  return context;
}

Value resolved_parameters(const engine::Node& node, const PlaceholderContext& context) {
  Value out = node.parameters;
  for (auto& [name, value] : out.as_object()) {
    const auto source = node.task->parameters.find(name);
    const bool made =
        source != node.task->parameters.end() && source->second.kind == ParameterSource::Kind::task_output;
    if (!made) value = with_facts(value, context);  // what a task has left is data and nothing else
  }
  return out;
}

Result<Value> executor_input(const Options& options, const RunContext& run, const engine::Node& node,
                             const std::filesystem::path& directory) {
  Value input = Value::object();
  Value& inputs = input.child("inputs");
  inputs.set("parameterValues", node.parameters);
  Value artifacts = Value::object();
  for (const auto& [name, value] : node.artifacts.members())
    artifacts.set(name, run.sandboxed ? value : with_local_paths(options, run.run_id, value));
  if (!artifacts.empty()) inputs.set("artifacts", std::move(artifacts));
  const PlaceholderContext context = placeholders(options, run, node, input);
  Value resolved = resolved_parameters(node, context);
  for (const auto& [name, source] : node.task->parameters) {
    if (source.kind == ParameterSource::Kind::final_status && resolved[name].is_object())
      resolved.child(name).set("pipelineJobResourceName", run.resource_name);
  }
  input.child("inputs").set("parameterValues", std::move(resolved));
  Value outputs = Value::object();
  for (const auto& [name, type] : node.component->output_parameters) {
    outputs.child("parameters").set(name, Value::object({{"outputFile", (directory / "outputs" / name).string()}}));
  }
  std::filesystem::path output_file = directory / kOutputFile;
  for (const auto& [name, spec] : node.component->output_artifacts) {
    std::string uri = output_uri(run, node, name);
    if (const auto place = store_place(uri); place && !run.sandboxed)
      uri = (store_directory(options) / *place).native();
    outputs.child("artifacts").set(name, artifact_value(name, spec, uri));
    const std::filesystem::path path = path_in_task(outputs["artifacts"][name]["artifacts"].items()[0]);
    if (!path.empty()) output_file = path.parent_path() / kOutputFileBeside;
  }
  outputs.set("outputFile", output_file.string());
  input.set("outputs", std::move(outputs));
  return input;
}

}  // namespace millrace::pipelines::executors
