#include "pipelines/executors/artifact_inputs.h"

#include <algorithm>
#include <set>
#include <system_error>

#include <fmt/core.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxInputMounts = 2'000;  // artifacts from other runs that one task is given

template <class Call>
Status for_each_uri(const engine::Node& node, Call call) {
  for (const auto& [name, list] : node.artifacts.members()) {
    for (const Value& artifact : list["artifacts"].items()) {
      if (const std::string uri = artifact["uri"].string_or(); !uri.empty()) MR_TRY(call(name, uri));
    }
  }
  return {};
}

// Beside its place first, where nothing can lie in the way, then moved to it.
Status fetch(const Options& options, const Hooks& hooks, const RunContext& run, const std::string& uri,
             const std::string& place) {
  const std::filesystem::path directory = fetched_directory(options, run.run_id);
  MR_TRY(make_directories(directory, 0755));  // trusted-path: steps see parts of it, read-only
  const UntrustedTree tree = MR_TRY(UntrustedTree::open(directory));
  const std::string aside = ".new-" + random_hex(16);
  Status fetched = hooks.fetch(run.run_id, uri, directory / aside);
  if (fetched) fetched = give_to_child(tree, aside);
  if (fetched) fetched = tree.remove(place);
  if (fetched) fetched = tree.make_directories(parent_place(place), 0755);
  if (fetched) fetched = tree.rename(aside, tree, place);
  if (!fetched) (void)tree.remove(aside);  // what failed first is the error
  return fetched;
}

bool is_there(const std::filesystem::path& base, const std::string& place) {
  const auto tree = UntrustedTree::open(base);
  const auto found = tree ? tree->info(place) : Result<std::optional<FileInfo>>(fail(tree.error()));
  return found && *found && ((*found)->kind == FileKind::regular || (*found)->kind == FileKind::directory);
}

work::Mount read_only(const std::filesystem::path& base, const std::string& place) {
  work::Mount mount;
  mount.kind = work::Mount::Kind::read_only;
  mount.source = base;
  mount.below = place;
  mount.target = "/" + place;
  return mount;
}

}  // namespace

Status bring_artifact(const Options& options, const Hooks& hooks, const RunContext& run, const std::string& uri) {
  const auto place = store_place(uri);
  if (!place || place->find('/') == std::string::npos)
    return fail(Code::invalid_argument, fmt::format("{} is no usable URI", uri));
  const auto of_run = run_artifacts_place(run);
  if (of_run && lies_in(*place, *of_run) && is_there(store_directory(options), *place)) return {};
  return fetch(options, hooks, run, uri, *place);
}

Status is_in_s3(const Options& options, const Hooks& hooks, const RunContext& run, const std::string& uri) {
  const auto place = store_place(uri);
  const auto of_run = run_artifacts_place(run);
  if (place && of_run && lies_in(*place, *of_run) && is_there(store_directory(options), *place)) return {};
  if (hooks.look_up) return hooks.look_up(run.run_id, uri);
  return bring_artifact(options, hooks, run, uri);
}

Status bring_artifacts(const Options& options, const Hooks& hooks, const RunContext& run, const engine::Node& node) {
  if (!hooks.fetch || node.artifacts.empty()) return {};
  std::set<std::string> brought;
  return for_each_uri(node, [&](const std::string& name, const std::string& uri) -> Status {
    if (!uri.starts_with("s3://") || !brought.insert(uri).second) return {};
    const Status done = bring_artifact(options, hooks, run, uri);
    if (done) return {};
    return fail(done.error().code,
                fmt::format("the input artifact {} ({}) cannot be fetched: {}", name, uri, done.error().message));
  });
}

Result<std::vector<work::Mount>> artifact_mounts(const Options& options, const RunContext& run,
                                                 const engine::Node& node, const std::string& own) {
  const std::filesystem::path store = store_directory(options), fetched = fetched_directory(options, run.run_id);
  std::vector<work::Mount> mounts;
  const std::string of_run = run_artifacts_place(run).value_or(std::string());
  bool sees_run = !of_run.empty() && (!own.empty() || is_there(store, of_run));
  std::set<std::string> places;  // sorted: a directory before what lies in it
  MR_TRY(for_each_uri(node, [&](const std::string&, const std::string& uri) -> Status {
    const auto place = store_place(uri);
    if (!place || place->find('/') == std::string::npos) return {};
    const bool is_of_run = !of_run.empty() && lies_in(*place, of_run);
    if (sees_run && is_of_run && is_there(store, *place)) return {};
    // It was fetched, and has no place in the directory of the run, which is not written to for it.
    if (is_of_run && is_there(fetched, *place)) sees_run = false;
    places.insert(*place);
    return {};
  }));
  if (sees_run) mounts.push_back(read_only(store, of_run));
  if (places.size() > kMaxInputMounts)
    return fail(Code::resource_exhausted, fmt::format("a task is given at most {} artifacts of other runs, not {}",
                                                      kMaxInputMounts, places.size()));
  std::string covering;
  for (const std::string& place : places) {
    if (!covering.empty() && lies_in(place, covering)) continue;
    const bool was_fetched = place.starts_with("s3/") && is_there(fetched, place);
    if (!was_fetched && !is_there(store, place)) continue;  // as upstream: the task finds nothing there
    mounts.push_back(read_only(was_fetched ? fetched : store, place));
    covering = place;
  }
  if (!own.empty()) {
    work::Mount mount = read_only(store, own);
    mount.kind = work::Mount::Kind::writable;
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

Result<ImportedFile> imported_file(const Options& options, const std::string& uri) {
  const auto refuse = [&] {
    return fail(Code::permission_denied,
                fmt::format("{} is a file of the server's machine, and none of the directories that pipelines may "
                            "import from holds it; the operator names them with millrace serve --import-from",
                            uri));
  };
  std::string_view path = uri;
  if (path.starts_with("file://")) path.remove_prefix(7);
  if (path.starts_with("localhost/")) path.remove_prefix(9);
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) return refuse();
  const std::filesystem::path file = std::filesystem::path(path).lexically_normal();
  for (const std::filesystem::path& directory : options.import_directories) {
    const std::string inside = file.lexically_relative(directory).native();
    if (inside.empty() || inside == ".." || inside.starts_with("../")) continue;
    return ImportedFile{directory, inside == "." ? std::string() : inside};
  }
  return refuse();
}

Status check_import_directories(Options& options) {
  const auto within = [](const std::filesystem::path& path, const std::filesystem::path& directory) {
    return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first == directory.end();
  };
  std::vector<std::filesystem::path> hidden = options.hidden;
  hidden.push_back(options.directory);
  for (std::filesystem::path& directory : options.import_directories) {
    const auto wrong = [&](std::string_view why) {
      return fail(Code::failed_precondition, fmt::format("--import-from {}: {}", directory.native(), why));
    };
    std::error_code error;
    const auto place = std::filesystem::canonical(directory, error);  // trusted-path: as the operator named it
    if (error || !std::filesystem::is_directory(place, error)) return wrong("there is no such directory");
    for (const std::filesystem::path& one : hidden) {
      const auto secret = std::filesystem::weakly_canonical(one, error);  // trusted-path: the program's own
      if (within(secret, place) || within(place, secret))
        return wrong(fmt::format("pipelines would see {} in it, which none may see; keep the two apart", one.native()));
    }
    directory = place;
  }
  return {};
}

}  // namespace millrace::pipelines::executors
