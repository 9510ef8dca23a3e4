#include "work/python_environment.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "proc/child_user.h"

namespace millrace::work {
namespace {

constexpr std::string_view kPublished = "published", kEnvironments = "python", kBuilds = "python-builds";
constexpr std::string_view kLayer = "environment", kMade = "environment", kWork = "work";
constexpr std::string_view kVariable = "MILLRACE_PYTHON_ENVIRONMENT";
constexpr std::size_t kMaxVersion = 64;  // bytes of "python3.11"
constexpr std::size_t kMaxEntries = 10'000;

// $0: the environment, $1: the script, $2: what is run after it, $3: the module that its interpreters import first, or
// nothing, $4: the interpreter.
constexpr std::string_view kMake = R"(
environment=$0
echo "Making a Python environment; it is kept for the next time." >&2
"$4" -m venv "$environment" >&2 || { echo "$4 -m venv failed; on Debian it needs the package python3-venv." >&2; exit 1; }
PATH="$environment/bin:$PATH" VIRTUAL_ENV=$environment
export PATH VIRTUAL_ENV
sh -c "$1" true >&2 || exit
sh -c "$2" >&2 || exit
[ -n "$3" ] || exit 0
for packages in "$environment"/lib/python3*/site-packages; do
  printf %s "$3" > "$packages/_at_start.py" && echo "import _at_start" > "$packages/_at_start.pth" || exit
done
python3 -c "import _at_start"
)";

std::string value_of(const Variables& variables, std::string_view name) {
  for (const auto& [variable, value] : variables) {
    if (variable == name) return value;
  }
  return {};
}

std::filesystem::path build_directory(const PythonPlaces& places, const std::string& key) {
  std::string name = key.substr(places.keys.size());
  std::replace(name.begin(), name.end(), '/', '.');
  return places.directory / kBuilds / name;
}

Status make_layer(const KeptEnvironment& environment, const std::filesystem::path& layer) {
  const UntrustedTree attempt = MR_TRY(UntrustedTree::open(layer.parent_path()));
  const std::string own(kLayer), packages = fmt::format("{}/lib/{}/site-packages", own, environment.version);
  MR_TRY(attempt.make_directories(own + "/bin"));
  MR_TRY(attempt.make_directories(packages));
  const std::string kept = environment.directory.native();
  MR_TRY(attempt.write(packages + "/_kept.pth", fmt::format("import site; site.addsitedir('{}/lib/{}/site-packages')\n",
                                                            kept, environment.version)));
  const std::string pip = fmt::format("#!/bin/sh\nexec \"{}/bin/python3\" -m pip \"$@\"\n", layer.native());
  for (const char* name : {"pip", "pip3"}) MR_TRY(attempt.write(fmt::format("{}/bin/{}", own, name), pip, 0700));
  const Fd place = MR_TRY(attempt.open_directory(own));
  const std::pair<std::string, std::string> links[] = {{kept + "/pyvenv.cfg", "pyvenv.cfg"},
                                                       {kept + "/bin/python3", "bin/python3"},
                                                       {kept + "/bin/python3", "bin/python"},
                                                       {kept + "/bin/python3", "bin/" + environment.version}};
  for (const auto& [target, name] : links) {
    // trusted-path: in a directory that was made just now, before the step runs
    if (::symlinkat(target.c_str(), place.get(), name.c_str()) != 0 && errno != EEXIST)
      return fail(system_error("cannot make the step's Python environment", errno));
  }
  return proc::give_to_child(layer);
}

void put(Workload& workload, const std::string& name, const std::string& value) {
  for (auto& [variable, old] : workload.environment) {
    if (variable == name) {
      old = value;
      return;
    }
  }
  workload.environment.emplace_back(name, value);
}

}  // namespace

bool is_for_pip(std::string_view name) {
  constexpr std::string_view kNames[] = {"http_proxy",         "https_proxy",   "no_proxy",      "HTTP_PROXY",
                                         "HTTPS_PROXY",        "NO_PROXY",      "SSL_CERT_FILE", "SSL_CERT_DIR",
                                         "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"};
  return name.starts_with("PIP_") || std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::string program_on_path(std::string_view path, std::string_view name) {
  for (const std::string_view part : split(path, ':')) {
    const std::string file = fmt::format("{}/{}", part, name);
    if (::access(file.c_str(), X_OK) != 0) continue;
    std::error_code error;
    const auto found = std::filesystem::canonical(file, error);  // trusted-path: the machine's own programs
    return error ? file : found.native();
  }
  return {};
}

std::optional<KeptEnvironment> find_environment(const std::filesystem::path& directory, const std::string& name) {
  KeptEnvironment out;
  out.directory = directory / kEnvironments / name;
  // trusted-path: the server wrote it, and nothing that children write lies there
  auto version = read_file(out.directory / kPublished, kMaxVersion);
  if (!version) return std::nullopt;
  out.version = std::move(*version);
  return out;
}

Status enter_environment(const KeptEnvironment& environment, const std::filesystem::path& directory, Workload& step) {
  const std::filesystem::path layer = layer_in(directory);
  MR_TRY(make_layer(environment, layer));
  put(step, "PATH",
      fmt::format("{}/bin:{}/bin:{}", layer.native(), environment.directory.native(),
                  value_of(step.environment, "PATH")));
  put(step, "VIRTUAL_ENV", layer.native());
  put(step, std::string(kVariable), environment.directory.native());
  if (step.sandbox)
    step.sandbox->mounts.push_back(
        {Mount::Kind::read_only, environment.directory, environment.directory.native(), 0, {}});
  return {};
}

std::filesystem::path layer_in(const std::filesystem::path& directory) { return directory / kLayer; }

std::optional<std::filesystem::path> kept_environment(const Workload& step) {
  std::string place = value_of(step.environment, kVariable);
  return place.empty() ? std::nullopt : std::optional<std::filesystem::path>(std::move(place));
}

Result<PythonBuild> build_environment(const PythonPlaces& places, const PythonRecipe& recipe, const Workload& step,
                                      const std::optional<Mount>& image) {
  PythonBuild build{recipe.name, {}};
  Workload& child = build.child;
  child.key = fmt::format("{}{}/{}", places.keys, recipe.name, random_hex(16));
  child.synced = false;
  const auto place = build_directory(places, child.key), work = place / kWork;
  const auto final_place = places.directory / kEnvironments / recipe.name;
  // trusted-path: above what the child will see
  MR_TRY(make_directories(work / "tmp", 0700));
  MR_TRY(make_directories(final_place.parent_path(), 0700));  // trusted-path: holds whole environments only
  child.command = {"sh",          "-c",         std::string(kMake), final_place.native(),
                   recipe.script, recipe.after, recipe.at_start,    recipe.interpreter};
  child.working_directory = image ? step.working_directory : work;
  child.log = step.log.empty() ? place / "log" : step.log;
  child.environment = {{"PATH", value_of(step.environment, "PATH")},
                       {"LANG", value_of(step.environment, "LANG")},
                       {"HOME", work.native()},
                       {"TMPDIR", step.sandbox ? "/tmp" : (work / "tmp").native()}};
  for (const auto& [name, value] : recipe.variables) put(child, name, value);
  // Nothing of what pip keeps is another environment's.
  put(child, "PIP_CACHE_DIR", (work / "packages").native());
  MR_TRY(proc::give_to_child(work));
  if (!step.sandbox) {
    MR_TRY(remove_tree(final_place));  // of a server that ended meanwhile
    return build;
  }
  // Scripts name their interpreter by its path: the environment is made where it will be seen.
  MR_TRY(make_directories(place / kMade, 0700));  // trusted-path: above what the child will see
  MR_TRY(proc::give_to_child(place / kMade));
  child.sandbox.emplace();
  child.sandbox->hidden = places.hidden;
  child.sandbox->mounts = {{Mount::Kind::writable, place, "/tmp", 0, {}, work.filename() / "tmp"},
                           {Mount::Kind::writable, place, work.native(), 0, {}, work.filename()}};
  child.sandbox->mounts.push_back({Mount::Kind::writable, place / kMade, final_place.native(), 0, {}});
  if (image) child.sandbox->mounts.push_back(*image);
  return build;
}

Status publish_environment(const PythonPlaces& places, const PythonBuild& build) {
  const bool is_staged = build.child.sandbox.has_value();
  const auto all = MR_TRY(UntrustedTree::open(places.directory / kEnvironments));
  const auto from = MR_TRY(UntrustedTree::open(is_staged ? build_directory(places, build.child.key) : all.root()));
  const std::string name = is_staged ? std::string(kMade) : build.name;
  std::string version;
  for (const auto& entry : MR_TRY(from.list(name + "/lib", {}))) {
    const std::string last = entry.path.substr(entry.path.rfind('/') + 1);
    if (entry.info.kind == FileKind::directory && last.starts_with("python3")) version = last;
  }
  if (version.empty() || version.size() > kMaxVersion || version.find_first_of("'\\\n") != std::string::npos)
    return fail(Code::failed_precondition, "what was made is no Python environment");
  MR_TRY(from.write(name + "/" + std::string(kPublished), version));
  return is_staged ? from.rename(name, all, build.name) : Status();
}

void discard_build(const PythonPlaces& places, const PythonBuild& build) {
  Status removed = remove_tree(build_directory(places, build.child.key));
  if (removed && !build.child.sandbox && !find_environment(places.directory, build.name))
    removed = remove_tree(places.directory / kEnvironments / build.name);
  if (!removed) log::warn("the making of a Python environment left files: {}", removed.error().message);
}

namespace {

// The names in a directory of the server's; none where it is not there.
std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  const auto tree = UntrustedTree::open(directory);
  if (!tree) return names;
  const auto entries = tree->list("", {kMaxEntries});
  if (!entries) return names;
  for (const auto& entry : *entries) names.push_back(entry.path);
  return names;
}

void remove_or_say(const std::filesystem::path& place) {
  if (const Status removed = remove_tree(place); !removed) log::warn("{}", removed.error().message);
}

}  // namespace

std::vector<std::string> discard_builds(const PythonPlaces& places, bool all) {
  std::vector<std::string> keys;
  for (const std::string& name : names_in(places.directory / kBuilds)) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) continue;
    keys.push_back(fmt::format("{}{}/{}", places.keys, name.substr(0, dot), name.substr(dot + 1)));
    remove_or_say(places.directory / kBuilds / name);
  }
  if (!all) return keys;
  for (const std::string& name : names_in(places.directory / kEnvironments)) {
    if (!find_environment(places.directory, name)) remove_or_say(places.directory / kEnvironments / name);
  }
  return keys;
}

}  // namespace millrace::work
