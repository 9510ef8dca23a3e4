#pragma once
// Builds a task's ExecutorInput (KFP's contract), and resolves its placeholders.
// Source: kubeflow/pipelines api/v2alpha1/pipeline_spec.proto (ExecutorInput), backend/src/v2/driver.

#include <filesystem>
#include <string>

#include "base/result.h"
#include "pipelines/engine/engine.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/process.h"

namespace millrace::pipelines::executors {

// Where a Python component leaves its values and metadata: in the attempt's directory, or, where it makes artifacts,
// beside those: what dsl.get_uri() of the SDK gives is the directory of this file.
inline constexpr std::string_view kOutputFile = "output_metadata.json", kOutputFileBeside = ".output_metadata.json";
// What the URIs of a run's artifacts begin with: "<root>/<pipeline>/<run>".
std::string run_artifacts_uri(const RunContext& run);
// Where one attempt's output artifact goes: "<root>/<pipeline>/<run>/<task path>/<attempt>/<name>".
std::string output_uri(const RunContext& run, const engine::Node& node, const std::string& name);
// The directory that these go to, as a place of the store. Errors: invalid_argument for a root of no store.
Result<std::string> run_artifacts_place(const RunContext& run);
Result<std::string> own_artifacts_place(const RunContext& run, const engine::Node& node);
Value artifact_value(const std::string& name, const ArtifactSpec& spec, const std::string& uri);

// Every placeholder in parameter values is resolved. `directory`: the attempt's, for its output files.
Result<Value> executor_input(const Options& options, const RunContext& run, const engine::Node& node,
                             const std::filesystem::path& directory);
// The node's parameters, with what they say of the run and the task.
Value resolved_parameters(const engine::Node& node, const PlaceholderContext& context);
PlaceholderContext placeholders(const Options& options, const RunContext& run, const engine::Node& node,
                                const Value& input);

}  // namespace millrace::pipelines::executors
