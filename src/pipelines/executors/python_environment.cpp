#include "pipelines/executors/python_environment.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/machine.h"
#include "pipelines/executors/task_sandbox.h"
#include "proc/child_user.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::string_view kRest = "\"$0\" \"$@\"";  // what the SDK's script ends with
constexpr std::string_view kPublished = "published", kEnvironments = "python", kBuilds = "python-builds";
constexpr std::string_view kBuildKeys = "environment/", kLayer = "environment", kMade = "environment", kWork = "work";
constexpr std::string_view kVariable = "MILLRACE_PYTHON_ENVIRONMENT";
constexpr std::string_view kForm = "3";  // of an environment: another one makes them all anew
constexpr std::size_t kMaxVersion = 64;  // bytes of "python3.11"
constexpr std::size_t kMaxEntries = 10'000;

// What each interpreter of an environment does when an exception ends it. What was printed comes before the traceback,
// as it was meant; and what the component had logged of its artifacts is kept, which the SDK writes at a good end only.
constexpr std::string_view kAtException = R"py(import sys

def _keep_outputs(trace):
    while trace is not None:
        found = trace.tb_frame.f_locals.get("self")
        if type(found).__name__ == "Executor" and type(found).__module__.startswith("kfp."):
            found.write_executor_output()
            return
        trace = trace.tb_next

def _at_exception(kind, error, trace, shown=sys.excepthook):
    try:
        sys.stdout.flush()
    except Exception:
        pass
    shown(kind, error, trace)
    try:
        _keep_outputs(error.__traceback__)
    except BaseException:
        pass

sys.excepthook = _at_exception
)py";

// $0: the environment, $1: the script, $2: what is run after it, $3: the module kAtException.
constexpr std::string_view kMake = R"(
environment=$0
echo "Making the Python environment of this component; it is kept for the next time." >&2
python3 -m venv "$environment" >&2 || { echo "python3 -m venv failed; on Debian it needs the package python3-venv." >&2; exit 1; }
PATH="$environment/bin:$PATH" VIRTUAL_ENV=$environment
export PATH VIRTUAL_ENV
sh -c "$1" true >&2 || exit
sh -c "$2" >&2 || exit
for packages in "$environment"/lib/python3*/site-packages; do
  printf %s "$3" > "$packages/_at_exception.py" && echo "import _at_exception" > "$packages/_at_exception.pth" || exit
done
python3 -c "import _at_exception"
)";

// A script that makes a virtual environment itself and runs the component in it: what it installs before goes to the
// task's own directory. $0: the script.
constexpr std::string_view kWithOwn = R"(
# Of a virtual environment pip gives a user nothing: what is under it does.
base=$(python3 -c 'import sys; print(sys.base_prefix if sys.prefix != sys.base_prefix else "")')
[ -z "$base" ] || export PATH="$base/bin:$PATH"
export PIP_USER=1 PIP_BREAK_SYSTEM_PACKAGES=1 PYTHONUSERBASE="$PWD/python"
exec sh -c "$0" "$@"
)";

// Components with embedded artifacts were compiled by SDKs that name a release without them (2.14.3 and before): what
// they import came with a later one.
constexpr std::string_view kWithEmbedded =
    "{ python3 -c 'from kfp.dsl import EmbeddedInput' 2>/dev/null || python3 -m pip install --quiet --upgrade kfp; }";

bool installs_packages(const std::vector<std::string>& command_line) {
  return command_line.size() >= 4 && command_line[0] == "sh" && command_line[1] == "-c" &&
         command_line[2].find("pip install") != std::string::npos && trim(command_line[2]).ends_with(kRest);
}

// What decides where pip finds packages, and which.
bool is_for_pip(std::string_view name) {
  constexpr std::string_view kNames[] = {"http_proxy",         "https_proxy",   "no_proxy",      "HTTP_PROXY",
                                         "HTTPS_PROXY",        "NO_PROXY",      "SSL_CERT_FILE", "SSL_CERT_DIR",
                                         "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"};
  return name.starts_with("PIP_") || std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

std::string value_of(const Variables& variables, std::string_view name) {
  for (const auto& [variable, value] : variables) {
    if (variable == name) return value;
  }
  return {};
}

// The interpreter that python3 is on this PATH, without links: its name says the version.
std::string interpreter(std::string_view path) {
  for (const std::string_view part : split(path, ':')) {
    const std::string file = std::string(part) + "/python3";
    if (::access(file.c_str(), X_OK) != 0) continue;
    std::error_code error;
    const auto found = std::filesystem::canonical(file, error);  // trusted-path: the machine's own programs
    return error ? file : found.native();
  }
  return {};
}

std::filesystem::path build_directory(const Options& options, const std::string& key) {
  std::string name = key.substr(kBuildKeys.size());
  std::replace(name.begin(), name.end(), '/', '.');
  return options.directory / kBuilds / name;
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

}  // namespace

PythonEnvironment python_environment(const std::string& image, std::vector<std::string> command_line,
                                     const Variables& variables, const PythonPackages& of_image) {
  PythonEnvironment out;
  bool brings_script = installs_packages(command_line);
  if (brings_script && command_line[2].find("-m venv") != std::string::npos) {
    command_line[1] = kWithOwn;
    command_line.insert(command_line.begin() + 1, "-c");
    brings_script = false;
  }
  out.command_line = std::move(command_line);
  if (!brings_script && of_image.installs.empty()) return out;
  // The image's packages are there before the component asks for its own.
  out.script = join(of_image.installs, " &&\n");
  if (brings_script)
    out.script = out.script.empty() ? out.command_line[2] : "{ " + out.script + "; } || exit\n" + out.command_line[2];
  const bool embedded = std::any_of(out.command_line.begin(), out.command_line.end(), [](const std::string& text) {
    return text.find("dsl.EmbeddedInput") != std::string::npos;
  });
  out.after = brings_script && embedded ? kWithEmbedded : ":";
  std::string all = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", kForm, image, out.script, out.after, of_image.digest,
                                interpreter(value_of(variables, "PATH")));
  for (const auto& variable : variables) {
    if (!is_for_pip(variable.first)) continue;
    out.variables.push_back(variable);
    all += fmt::format("\n{}={}", variable.first, variable.second);
  }
  out.name = sha256_hex(all).substr(0, 32);
  if (brings_script) out.command_line.erase(out.command_line.begin(), out.command_line.begin() + 3);
  return out;
}

std::optional<KeptEnvironment> find_environment(const Options& options, const std::string& name) {
  KeptEnvironment out;
  out.directory = options.directory / kEnvironments / name;
  // trusted-path: the server wrote it, and nothing that children write lies there
  auto version = read_file(out.directory / kPublished, kMaxVersion);
  if (!version) return std::nullopt;
  out.version = std::move(*version);
  return out;
}

Status enter_environment(const KeptEnvironment& environment, const std::filesystem::path& directory,
                         work::Workload& step) {
  const std::filesystem::path layer = directory / kLayer;
  MR_TRY(make_layer(environment, layer));
  set_variable(step, "PATH",
               fmt::format("{}/bin:{}/bin:{}", layer.native(), environment.directory.native(),
                           value_of(step.environment, "PATH")));
  set_variable(step, "VIRTUAL_ENV", layer.native());
  set_variable(step, std::string(kVariable), environment.directory.native());
  if (step.sandbox)
    step.sandbox->mounts.push_back(
        {work::Mount::Kind::read_only, environment.directory, environment.directory.native(), 0, {}});
  return {};
}

std::optional<std::filesystem::path> kept_environment(const work::Workload& step) {
  std::string place = value_of(step.environment, kVariable);
  return place.empty() ? std::nullopt : std::optional<std::filesystem::path>(std::move(place));
}

Result<PythonBuild> build_environment(const Options& options, const PythonEnvironment& environment,
                                      const work::Workload& step, const std::optional<work::Mount>& image) {
  PythonBuild build{environment.name, {}};
  work::Workload& child = build.child;
  child.key = fmt::format("{}{}/{}", kBuildKeys, environment.name, random_hex(16));
  child.synced = false;
  const auto place = build_directory(options, child.key), work = place / kWork;
  const auto final_place = options.directory / kEnvironments / environment.name;
  // trusted-path: above what the child will see
  MR_TRY(make_directories(work / "tmp", 0700));
  MR_TRY(make_directories(final_place.parent_path(), 0700));  // trusted-path: holds whole environments only
  child.command = {"sh",
                   "-c",
                   std::string(kMake),
                   final_place.native(),
                   environment.script,
                   environment.after,
                   std::string(kAtException)};
  child.working_directory = image ? step.working_directory : work;
  child.log = step.log;
  child.environment = {{"PATH", value_of(step.environment, "PATH")},
                       {"LANG", value_of(step.environment, "LANG")},
                       {"HOME", work.native()},
                       {"TMPDIR", step.sandbox ? "/tmp" : (work / "tmp").native()}};
  for (const auto& [name, value] : environment.variables) set_variable(child, name, value);
  // Nothing of what pip keeps is another environment's.
  set_variable(child, "PIP_CACHE_DIR", (work / "packages").native());
  MR_TRY(proc::give_to_child(work));
  if (!step.sandbox) {
    MR_TRY(remove_tree(final_place));  // of a server that ended meanwhile
    return build;
  }
  // Scripts name their interpreter by its path: the environment is made where it will be seen.
  MR_TRY(make_directories(place / kMade, 0700));  // trusted-path: above what the child will see
  MR_TRY(proc::give_to_child(place / kMade));
  child.sandbox = task_sandbox(options, {}, work);
  child.sandbox->mounts.push_back({work::Mount::Kind::writable, place / kMade, final_place.native(), 0, {}});
  if (image) child.sandbox->mounts.push_back(*image);
  return build;
}

std::string environment_build_keys() { return std::string(kBuildKeys); }

Status publish_environment(const Options& options, const PythonBuild& build) {
  const bool is_staged = build.child.sandbox.has_value();
  const auto all = MR_TRY(UntrustedTree::open(options.directory / kEnvironments));
  const auto from = MR_TRY(UntrustedTree::open(is_staged ? build_directory(options, build.child.key) : all.root()));
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

void discard_build(const Options& options, const PythonBuild& build) {
  Status removed = remove_tree(build_directory(options, build.child.key));
  if (removed && !build.child.sandbox && !find_environment(options, build.name))
    removed = remove_tree(options.directory / kEnvironments / build.name);
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

std::vector<std::string> discard_builds(const Options& options, bool all) {
  std::vector<std::string> keys;
  for (const std::string& name : names_in(options.directory / kBuilds)) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) continue;
    keys.push_back(fmt::format("{}{}/{}", kBuildKeys, name.substr(0, dot), name.substr(dot + 1)));
    remove_or_say(options.directory / kBuilds / name);
  }
  if (!all) return keys;
  for (const std::string& name : names_in(options.directory / kEnvironments)) {
    if (!find_environment(options, name)) remove_or_say(options.directory / kEnvironments / name);
  }
  return keys;
}

}  // namespace millrace::pipelines::executors
