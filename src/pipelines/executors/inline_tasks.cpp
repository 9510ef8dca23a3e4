#include "pipelines/executors/inline_tasks.h"

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kCreateClaim = "argostub/createpvc", kDeleteClaim = "argostub/deletepvc";
constexpr std::size_t kMaxName = 253;    // bytes of a Kubernetes name
constexpr std::size_t kUniqueName = 32;  // hexadecimal digits, in the place of upstream's random UUID

Result<Outputs> import(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node,
                       const Importer& importer) {
  const Value input = MR_TRY(executor_input(options, run, node, {}));
  const PlaceholderContext context = placeholders(options, run, node, input);
  std::string uri = MR_TRY(substitute(importer.uri, context));
  if (!importer.uri_parameter.empty()) uri = node.parameters[importer.uri_parameter].string_or();
  if (uri.empty()) return fail(Code::invalid_argument, "the URI to import is empty");
  Value artifact = Value::object(
      {{"name", "artifact"},
       {"type", Value::object({{"schemaTitle", importer.schema_title}, {"schemaVersion", importer.schema_version}})},
       {"uri", uri},
       {"metadata", MR_TRY(substitute_value(importer.metadata, context))}});
  if (importer.to_workspace) {
    if (!run.has_workspace)
      return fail(Code::invalid_argument, "the importer downloads to a workspace, and the pipeline has none");
    const auto source = artifact_file(options, uri);
    if (!source) return fail(Code::invalid_argument, fmt::format("{} cannot be downloaded from here", uri));
    if (hooks.fetch && uri.starts_with("s3://")) MR_TRY(hooks.fetch(run.run_id, uri, *source));
    const std::string inside = path_in_task(artifact).substr(1);
    const auto target = workspace_directory(options, run.run_id) / ".artifacts" / inside;
    MR_TRY(make_directories(target.parent_path(), 0700));
    std::error_code error;
    std::filesystem::copy(*source, target,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing,
                          error);
    if (error) return fail(Code::not_found, fmt::format("{} cannot be downloaded: {}", uri, error.message()));
    artifact.child("metadata").set("_kfp_workspace", true);
  }
  Outputs outputs;
  for (const auto& [name, spec] : node.component->output_artifacts) {
    artifact.set("name", name);
    outputs.artifacts.set(name, Value::object({{"artifacts", Value::array({artifact})}}));
  }
  return outputs;
}

Value manifest(const std::string& name, const std::string& size, const Value& modes) {
  const Value storage = Value::object({{"storage", size}});
  return Value::object(
      {{"apiVersion", "v1"},
       {"kind", "PersistentVolumeClaim"},
       {"metadata", Value::object({{"name", name}, {"namespace", "kubeflow"}})},
       {"spec", Value::object({{"accessModes", modes}, {"resources", Value::object({{"requests", storage}})}})},
       {"status", Value::object({{"phase", "Bound"}, {"accessModes", modes}, {"capacity", storage}})}});
}

Result<Outputs> create_claim(const Options& options, const RunContext& run, const engine::Node& node) {
  const Value parameters = told_parameters(node, placeholders(options, run, node, Value()));
  std::string name = parameters["pvc_name"].string_or();
  const std::string suffix = parameters["pvc_name_suffix"].string_or();
  if (!name.empty() && !suffix.empty())
    return fail(Code::invalid_argument, "give pvc_name or pvc_name_suffix, not both");
  const std::string me = run.run_id + "/" + node.path;
  if (name.empty()) name = sha256_hex(me).substr(0, kUniqueName) + suffix;
  const std::string size = parameters["size"].string_or();
  if (!parse_quantity(size))
    return fail(Code::invalid_argument, fmt::format("the size \"{}\" is not a quantity", size));
  if (!parameters["access_modes"].is_array() || parameters["access_modes"].empty())
    return fail(Code::invalid_argument, "access_modes is empty");
  const auto directory = MR_TRY(claim_directory(options, name));
  // Who made it is noted, so that making it again after a crash is not taken for a clash.
  const auto owner = directory.parent_path() / ("." + name);
  std::error_code error;
  if (std::filesystem::exists(directory, error) && read_file(owner, 4096).value_or("") != me)
    return fail(Code::already_exists, fmt::format("persistentvolumeclaims \"{}\" already exists", name));
  MR_TRY(make_directories(directory.parent_path(), 0700));
  MR_TRY(write_file(owner, me, 0600));
  MR_TRY(make_directories(directory, 0700));
  Outputs outputs;
  outputs.parameters.set("name", name);
  // What dsl.VolumeOp of the SDK 1.8 tells of it.
  const auto& declared = node.component->output_parameters;
  if (declared.contains("size")) outputs.parameters.set("size", size);
  if (declared.contains("manifest"))
    outputs.parameters.set("manifest", to_json(manifest(name, size, parameters["access_modes"])));
  return outputs;
}

Result<Outputs> delete_claim(const Options& options, const RunContext& run, const engine::Node& node) {
  const Value parameters = told_parameters(node, placeholders(options, run, node, Value()));
  const std::string name = parameters["pvc_name"].string_or();
  const auto directory = MR_TRY(claim_directory(options, name));
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error) return fail(Code::internal, fmt::format("the claim {} cannot be deleted: {}", name, error.message()));
  std::filesystem::remove(directory.parent_path() / ("." + name), error);
  return Outputs();
}

}  // namespace

Result<std::filesystem::path> claim_directory(const Options& options, const std::string& name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  const bool good = !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), allowed) &&
                    name.front() != '.' && name.front() != '-' && name.back() != '.' && name.back() != '-';
  if (!good) {
    return fail(
        Code::invalid_argument,
        fmt::format("\"{}\" is no name of a persistent volume claim: lower-case letters, digits, - and .", name));
  }
  return options.directory / "volumes" / name;
}

std::filesystem::path workspace_directory(const Options& options, const std::string& run_id) {
  return options.directory / "workspaces" / run_id;
}

bool runs_inline(const Executor& executor) {
  return executor.importer || executor.image == kCreateClaim || executor.image == kDeleteClaim;
}

std::optional<Result<Outputs>> run_inline(const Options& options, const Hooks& hooks, const RunContext& run,
                                          const engine::Node& node, const Executor& executor) {
  if (executor.importer) return import(options, hooks, run, node, *executor.importer);
  if (executor.image == kCreateClaim) return create_claim(options, run, node);
  if (executor.image == kDeleteClaim) return delete_claim(options, run, node);
  return std::nullopt;
}

}  // namespace millrace::pipelines::executors
