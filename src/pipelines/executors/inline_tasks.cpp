#include "pipelines/executors/inline_tasks.h"

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/artifact_inputs.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kCreateClaim = "argostub/createpvc", kDeleteClaim = "argostub/deletepvc";
constexpr std::size_t kMaxName = 253;    // bytes of a Kubernetes name
constexpr std::size_t kMaxOwner = 4096;  // bytes of the note on who made a claim
constexpr std::size_t kUniqueName = 32;  // hexadecimal digits, in the place of upstream's random UUID

// Of an import that is downloaded to a workspace.
constexpr UntrustedTree::Limits kDownloaded{1'000'000, std::uint64_t{256} << 30, 100};

// Where an import finds its bytes on this machine.
Result<StoredArtifact> find_import(const Options& options, const Hooks& hooks, const RunContext& run,
                                   const std::string& uri) {
  if (is_local_uri(uri)) {
    const ImportedFile file = MR_TRY(imported_file(options, uri));
    return StoredArtifact{MR_TRY(UntrustedTree::open(file.directory, file.directory.native())), file.path};
  }
  if (hooks.fetch && uri.starts_with("s3://")) MR_TRY(bring_artifact(options, hooks, run, uri));
  return find_artifact(options, uri, run.run_id);
}

Status not_here(const std::string& uri, std::string_view why) {
  return fail(Code::not_found, fmt::format("{} cannot be imported: {}", uri, why));
}

// A URI of a store, or of a file of this machine, names something that is there. Of any other kind tasks are given the
// URI alone, as upstream does.
Status check_is_there(const Options& options, const Hooks& hooks, const RunContext& run, const Value& artifact) {
  const std::string uri = artifact["uri"].string_or();
  const std::string scheme = uri.substr(0, uri.find("://"));
  if (is_local_uri(uri)) {
    const ImportedFile file = MR_TRY(imported_file(options, uri));
    const UntrustedTree tree = MR_TRY(UntrustedTree::open(file.directory, file.directory.native()));
    const auto there = tree.info(file.path, Links::within);
    return there && *there ? Status() : not_here(uri, there ? "there is no such file" : there.error().message);
  }
  if (!store_place(uri)) {
    if (path_in_task(artifact).empty() && scheme != "huggingface") return {};
    return not_here(uri, fmt::format("this machine cannot fetch {}://", scheme));
  }
  if (scheme == "s3" && hooks.fetch) {
    const Status found = is_in_s3(options, hooks, run, uri);
    return found ? found : not_here(uri, found.error().message);
  }
  const auto found = find_artifact(options, uri, run.run_id);
  if (found) return {};
  if (scheme != "minio" && found.error().code == Code::not_found)
    return not_here(uri, fmt::format("this machine cannot fetch {}://, and its own store has nothing there", scheme));
  return not_here(uri, found.error().message);
}

Status copy_to_workspace(const Options& options, const Hooks& hooks, const RunContext& run, const std::string& uri,
                         const std::string& path_in_task) {
  const StoredArtifact source = MR_TRY(find_import(options, hooks, run, uri));
  const UntrustedTree workspace = MR_TRY(make_shared_directory(workspace_directory(options, run.run_id)));
  const std::string target = ".artifacts" + path_in_task;
  MR_TRY(make_shared_part(workspace, parent_place(target)));
  MR_TRY(source.tree.copy(source.path, workspace, target, Links::within, UntrustedTree::Others::refuse, kDownloaded));
  return give_to_child(workspace, target);
}

Result<Outputs> import(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node,
                       const Importer& importer) {
  const Value input = MR_TRY(executor_input(options, run, node, {}));
  const PlaceholderContext context = placeholders(options, run, node, input);
  std::string uri = MR_TRY(substitute(importer.uri, context));
  if (!importer.uri_parameter.empty()) uri = node.parameters[importer.uri_parameter].string_or();
  if (uri.empty()) return fail(Code::invalid_argument, "the URI to import is empty");
  MR_TRY(check_import(run.rights.get(), run.run_id, uri));
  Value artifact = Value::object(
      {{"name", "artifact"},
       {"type", Value::object({{"schemaTitle", importer.schema_title}, {"schemaVersion", importer.schema_version}})},
       {"uri", uri},
       {"metadata", MR_TRY(substitute_value(importer.metadata, context))}});
  if (!importer.to_workspace) MR_TRY(check_is_there(options, hooks, run, artifact));
  if (importer.to_workspace) {
    if (!run.has_workspace)
      return fail(Code::invalid_argument, "the importer downloads to a workspace, and the pipeline has none");
    const Status copied = copy_to_workspace(options, hooks, run, uri, path_in_task(artifact));
    if (!copied)
      return fail(copied.error().code, fmt::format("{} cannot be downloaded: {}", uri, copied.error().message));
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
  const Value parameters = resolved_parameters(node, placeholders(options, run, node, Value()));
  std::string name = parameters["pvc_name"].string_or();
  const std::string suffix = parameters["pvc_name_suffix"].string_or();
  if (!name.empty() && !suffix.empty())
    return fail(Code::invalid_argument, "give pvc_name or pvc_name_suffix, not both");
  const std::string me = run.run_id + "/" + node.path;
  if (!name.empty()) MR_TRY(check_claim(options, run, name));  // a name of its own choice may be what others mount
  if (name.empty()) name = sha256_hex(me).substr(0, kUniqueName) + suffix;
  const std::string size = parameters["size"].string_or();
  if (!parse_quantity(size))
    return fail(Code::invalid_argument, fmt::format("the size \"{}\" is not a quantity", size));
  if (!parameters["access_modes"].is_array() || parameters["access_modes"].empty())
    return fail(Code::invalid_argument, "access_modes is empty");
  const auto directory = MR_TRY(claim_directory(options, name));
  // Who made it is noted, so that making it again after a crash is not taken for a clash.
  std::error_code error;
  MR_TRY(make_directories(directory.parent_path(), 0700));  // trusted-path: above the claims
  const UntrustedTree claims = MR_TRY(UntrustedTree::open(directory.parent_path()));
  if (std::filesystem::exists(directory, error) && claims.read("." + name, kMaxOwner).value_or("") != me)
    return fail(Code::already_exists, fmt::format("persistentvolumeclaims \"{}\" already exists", name));
  MR_TRY(claims.write("." + name, me));
  MR_TRY(make_shared_directory(directory));
  Outputs outputs;
  outputs.parameters.set("name", name);
  // What dsl.VolumeOp of the SDK 1.8 gives of it.
  const auto& declared = node.component->output_parameters;
  if (declared.contains("size")) outputs.parameters.set("size", size);
  if (declared.contains("manifest"))
    outputs.parameters.set("manifest", to_json(manifest(name, size, parameters["access_modes"])));
  return outputs;
}

Result<Outputs> delete_claim(const Options& options, const RunContext& run, const engine::Node& node) {
  const Value parameters = resolved_parameters(node, placeholders(options, run, node, Value()));
  const std::string name = parameters["pvc_name"].string_or();
  MR_TRY(check_claim(options, run, name));
  const auto directory = MR_TRY(claim_directory(options, name));
  if (const Status removed = remove_tree(directory); !removed)
    return fail(Code::internal, fmt::format("the claim {} cannot be deleted: {}", name, removed.error().message));
  MR_TRY(remove_tree(directory.parent_path() / ("." + name)));
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

Status check_claim(const Options& options, const RunContext& run, const std::string& name) {
  const Status given = check_named(run.rights.get(), Named::claim, name);
  if (given) return {};
  const auto directory = MR_TRY(claim_directory(options, name));
  // trusted-path: beside the claims, of which steps see the inside
  const auto owner = read_file(directory.parent_path() / ("." + name), kMaxOwner);
  const std::string maker = owner ? owner->substr(0, owner->find('/')) : std::string();
  if (!maker.empty() && (maker == run.run_id || run.rights->descends_from(maker))) return {};
  return given;
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
