#include "pipelines/executors/process.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/artifact_inputs.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/local_images.h"
#include "pipelines/executors/long_values.h"
#include "pipelines/executors/machine.h"
#include "pipelines/executors/placeholders.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/executors/quoted.h"
#include "pipelines/executors/store.h"
#include "pipelines/executors/task_config.h"
#include "pipelines/executors/task_sandbox.h"

namespace millrace::pipelines::executors {
namespace {

constexpr std::size_t kMaxQuoted = 100;  // of a name, in an error

std::string variable(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

// Where the attempt's artifacts go, made and given to the task; empty: it makes none.
Result<std::string> make_artifact_directory(const Options& options, const RunContext& run, const engine::Node& node) {
  if (node.component->output_artifacts.empty()) return std::string();
  std::string own = MR_TRY(own_artifacts_place(run, node));
  const UntrustedTree store = MR_TRY(open_store(options));
  MR_TRY(store.make_directories(own, 0755));
  for (const auto& [name, spec] : node.component->output_artifacts) {
    const auto place = store_place(output_uri(run, node, name));
    if (!place || !lies_in(*place, own) || place->size() == own.size())
      return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of an artifact", quoted(name, kMaxQuoted)));
    if (const std::string above = parent_place(*place); above != own) MR_TRY(store.make_directories(above, 0755));
  }
  MR_TRY(give_to_child(store, own));
  return own;
}

// A container's user need not be the one that owns the attempt's files, which lie below a directory that is closed to
// others.
Status open_to_other_user(const std::filesystem::path& attempt) {
  const UntrustedTree tree = MR_TRY(UntrustedTree::open(attempt));
  for (const char* name : {"outputs", "tmp"}) {
    if (!tree.is_directory(name)) continue;
    const Fd directory = MR_TRY(tree.open_directory(name));
    if (::fchmod(directory.get(), 0777) != 0)
      return fail(system_error((attempt / name).native() + " cannot be opened to the container's user", errno));
  }
  return {};
}

// The step runs in its environment, or the environment is to be made.
Status use_environment(const Options& options, const PythonEnvironment& environment,
                       const std::filesystem::path& directory, const std::optional<work::Mount>& image,
                       work::Workload& step, std::optional<work::PythonBuild>* build) {
  const std::string& name = environment.recipe.name;
  if (name.empty()) return {};
  if (const auto kept = work::find_environment(options.directory, name))
    return work::enter_environment(*kept, directory, step);
  if (build == nullptr)
    return fail(Code::failed_precondition, "the Python environment of the component is not made yet");
  *build = MR_TRY(work::build_environment(python_places(options), environment.recipe, step, image));
  return {};
}

}  // namespace

bool is_contained(const Options& options, const Hooks& hooks, const Executor& executor) {
  if (!options.containers) return false;
  std::vector<std::string> words = executor.command;
  words.insert(words.end(), executor.arguments.begin(), executor.arguments.end());
  return !hooks.native_image || !hooks.native_image(executor.image, words);
}

std::string launch_key(const std::string& run_id, const std::string& path, int attempt) {
  return fmt::format("{}/{}/{}", launch_keys_of(run_id), path, attempt);
}

std::string launch_keys_of(const std::string& run_id) { return "run/" + run_id; }

bool parse_launch_key(const std::string& key, std::string& run_id, std::string& path, int& attempt) {
  if (!key.starts_with("run/")) return false;
  const std::size_t first = key.find('/', 4), last = key.rfind('/');
  if (first == std::string::npos || last <= first) return false;
  const auto number = parse_int(std::string_view(key).substr(last + 1));
  if (!number) return false;
  run_id = key.substr(4, first - 4);
  path = key.substr(first + 1, last - first - 1);
  attempt = static_cast<int>(*number);
  return true;
}

std::string pod_name(const RunContext& run, const engine::Node& node) { return pod_name(run, pod_number(node.path)); }

std::uint32_t pod_number(std::string_view path) {
  const Sha256 hash = sha256(path);
  return std::uint32_t{hash[0]} << 24 | std::uint32_t{hash[1]} << 16 | std::uint32_t{hash[2]} << 8 | hash[3];
}

std::string pod_name(const RunContext& run, std::uint32_t number) {
  return fmt::format("{}-{}", run.resource_name, number);
}

Result<work::Workload> prepare(const Options& options, const Hooks& hooks, const RunContext& given,
                               const engine::Node& node, const Executor& executor,
                               std::optional<work::PythonBuild>* build) {
  RunContext run = given;
  const bool contained = is_contained(options, hooks, executor);
  run.sandboxed = contained || (hooks.sandboxed && hooks.sandboxed());
  const std::filesystem::path directory = attempt_directory(options, run.run_id, node.path, node.attempt);
  std::vector<std::string> directories;
  if (run.sandboxed) directories.emplace_back("tmp");
  if (!node.component->output_parameters.empty()) directories.emplace_back("outputs");
  MR_TRY(make_attempt(options, run.run_id, node.path, node.attempt, directories));
  MR_TRY(make_log_directory(options, run.run_id));
  if (run.has_workspace) MR_TRY(make_shared_directory(workspace_directory(options, run.run_id)));
  const std::string own_artifacts = MR_TRY(make_artifact_directory(options, run, node));
  MR_TRY(bring_artifacts(options, hooks, run, node));
  Value input = MR_TRY(executor_input(options, run, node, directory));
  const PlaceholderContext context = placeholders(options, run, node, input);
  if (const std::string& parameter = node.component->task_config; executor.passed_on && !parameter.empty()) {
    Value config = MR_TRY(task_config(*executor.passed_on, run, node, context));
    input.child("inputs").child("parameterValues").set(parameter, std::move(config));
  }

  std::vector<std::string> command_line = MR_TRY(substitute_arguments(executor.command, context));
  std::vector<std::string> arguments = MR_TRY(substitute_arguments(executor.arguments, context));
  MR_TRY(pass_by_file(directory, command_line, arguments));
  const std::string image = MR_TRY(substitute(executor.image, context));
  const std::optional<LocalImage> local = contained ? std::optional<LocalImage>() : MR_TRY(find_image(options, image));
  if (!contained) MR_TRY(check_has_code(options, executor, image));
  work::Workload spec;
  if (contained) {
    spec.image = image;
    spec.command = std::move(command_line);
    spec.arguments = std::move(arguments);
    spec.run_as_user = executor.run_as_user;
    spec.run_as_group = executor.run_as_group;
    if (spec.run_as_user || spec.run_as_group) MR_TRY(open_to_other_user(directory));
  } else {
    command_line.insert(command_line.end(), std::move_iterator(arguments.begin()), std::move_iterator(arguments.end()));
  }
  if (hooks.native_image && !contained && !local) {
    if (auto native = hooks.native_image(image, command_line)) command_line = std::move(*native);
  }
  if (command_line.empty() && !contained) {
    return fail(
        Code::unimplemented,
        fmt::format("the image {} has no command in the pipeline, and images are not run here: give the component a "
                    "command, or start the server with --executor container",
                    image));
  }
  std::optional<work::Mount> of_image;
  if (local) of_image = {work::Mount::Kind::read_only, local->directory, local->working_directory, 0, {}};
  spec.key = launch_key(run.run_id, node.path, node.attempt);
  spec.synced = false;  // the run's own events are; after the machine's death they say what to start anew
  if (!contained) spec.working_directory = directory;
  spec.log = log_path(options, run.run_id, node.path, node.attempt);
  if (run.sandboxed) {
    spec.sandbox = task_sandbox(options, run, directory);
    for (work::Mount& mount : MR_TRY(artifact_mounts(options, run, node, own_artifacts)))
      spec.sandbox->mounts.push_back(std::move(mount));
    if (of_image) spec.sandbox->mounts.push_back(*of_image);
  }

  if (!contained) {  // an image has its own
    set_variable(spec, "PATH", variable("PATH", "/usr/local/bin:/usr/bin:/bin"));
    set_variable(spec, "LANG", variable("LANG", "C.UTF-8"));
    set_variable(spec, "HOME", directory);
    set_variable(spec, "TMPDIR", run.sandboxed ? "/tmp" : directory.native());
  }
  set_variable(spec, "KFP_POD_NAME", pod_name(run, node));
  set_variable(spec, "KFP_POD_UID", spec.key);
  set_variable(spec, "KFP_RETRY_INDEX", std::to_string(node.attempt - node.spent_before - 1));
  if (local) {
    spec.working_directory = run.sandboxed ? std::filesystem::path(local->working_directory) : local->directory;
    // Without a sandbox the directory can be written to, and what Python would keep there is not its user's.
    set_variable(spec, "PYTHONDONTWRITEBYTECODE", "1");
    for (const auto& [name, value] : local->environment) set_variable(spec, name, value);
  }
  if (hooks.task_environment) {
    for (const auto& [name, value] : hooks.task_environment(run.run_id, spec.key)) set_variable(spec, name, value);
  }
  for (const auto& [name, value] : executor.environment) set_variable(spec, name, MR_TRY(substitute(value, context)));
  MR_TRY(apply_machine(options, hooks, run, node, executor, context, spec));
  const bool has_keys = std::any_of(spec.environment.begin(), spec.environment.end(),
                                    [](const auto& entry) { return entry.first == "AWS_ACCESS_KEY_ID"; });
  if (!has_keys && hooks.node_credentials && (!run.rights || run.rights->node_role)) {
    for (const auto& [name, value] : MR_TRY(hooks.node_credentials(run.run_id, spec.key)))
      set_variable(spec, name, value);
  }
  if (contained) {
    MR_TRY(check_lengths(input, spec));
    return spec;
  }
  PythonEnvironment environment =
      python_environment(image, std::move(command_line), spec.environment, local ? local->packages : PythonPackages());
  spec.command = std::move(environment.command_line);
  MR_TRY(use_environment(options, environment, directory, of_image, spec, build));
  MR_TRY(check_lengths(input, spec));
  return spec;
}

}  // namespace millrace::pipelines::executors
