#include "pipelines/executors/python_server.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/python_client.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/executors/python_server_program.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

// What the SDK runs a lightweight component with, blanks put together (kfp.dsl.component_factory).
constexpr std::string_view kProgram =
    "program_path=$(mktemp -d) printf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\" _KFP_RUNTIME=true "
    "python3 -m kfp.dsl.executor_main --component_module_path \"$program_path/ephemeral_component.py\" \"$@\"";

std::string with_single_blanks(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    const bool blank = c == ' ' || c == '\n' || c == '\t';
    if (!blank) out += c;
    if (blank && !out.ends_with(' ')) out += ' ';
  }
  return out;
}

// The loader and the interpreter read these once, when they start: the server has.
bool has_variables_of_the_start(const Executor& executor) {
  constexpr std::string_view kBeginnings[] = {"PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC_", "GLIBC_", "OPENSSL_"};
  return std::any_of(executor.environment.begin(), executor.environment.end(), [&](const auto& entry) {
    return std::any_of(std::begin(kBeginnings), std::end(kBeginnings),
                       [&](std::string_view beginning) { return entry.first.starts_with(beginning); });
  });
}

constexpr std::size_t kPatience = 4;  // of the client's arguments (python_client/python_client.cpp)

bool is_program(const std::string& text) { return with_single_blanks(text) == kProgram; }

}  // namespace

bool is_python_component(const Executor& executor) {
  return std::any_of(executor.command.begin(), executor.command.end(), is_program);
}

std::vector<std::string> python_servers_of(const Options& options, const std::string& run_id) {
  // Each has a socket of its name.
  std::vector<std::string> keys;
  std::error_code error;
  const std::filesystem::path place = options.directory / "runs" / run_id / "python";
  for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
    if (entry.is_socket(error)) keys.push_back(python_server_keys_of(run_id) + "/" + entry.path().filename().native());
  }
  return keys;
}

void wait_for_python_server(proc::LaunchSpec& step, Millis patience) {
  step.argv[kPatience] = std::to_string(std::max(patience, Millis(0)).count());
}

std::string python_server_keys_of(const std::string& run_id) { return "python/" + run_id; }

std::optional<proc::LaunchSpec> use_python_server(const Options& options, const RunContext& run,
                                                  const Executor& executor, proc::LaunchSpec& step) {
  const auto environment = kept_environment(step.argv);
  // sh -c <making the environment> <environment> <script> <after> sh -ec <program> <code> <arguments…>
  constexpr std::size_t kShell = 6;
  if (run.python_tasks < 2 || !environment || step.argv.size() < kShell + 4 || step.argv[kShell] != "sh" ||
      step.argv[kShell + 1] != "-ec" || !is_program(step.argv[kShell + 2]))
    return std::nullopt;
  // What a shared sandbox cannot give, and secrets: the workers of a server are the same user in the same pid
  // namespace.
  if (executor.needs_mounts() || !executor.env_from_keys.empty() || step.memory_limit_bytes != 0 ||
      step.cpu_limit_seconds != 0 || step.cpus != 0 || has_variables_of_the_start(executor))
    return std::nullopt;
  const std::filesystem::path of_run = options.directory / "runs" / run.run_id, place = of_run / "python";
  if (step.working_directory.parent_path() != of_run) return std::nullopt;
  std::error_code error;
  if (!std::filesystem::exists(*environment / "ready", error)) return std::nullopt;
  const std::string name = environment->filename().native();
  const std::string python = (*environment / "bin/python3").native();
  const bool sandboxed = step.sandbox.has_value();
  proc::LaunchSpec server;
  server.key = python_server_keys_of(run.run_id) + "/" + name;
  server.synced = false;
  server.working_directory = place;
  server.stdout_path = server.stderr_path = place / "log.txt";
  for (const auto& [variable, value] : step.environment) {
    if (variable == "PATH" || variable == "LANG") server.environment.emplace_back(variable, value);
  }
  server.environment.emplace_back("HOME", place.native());
  std::vector<std::filesystem::path> needed = {place / "tmp"};
  const auto artifacts = artifact_file(options, run_artifacts_uri(run));
  const std::filesystem::path store = options.directory / "artifacts";
  server.argv = {python,
                 "-c",
                 std::string(python_server_program()),
                 place.native(),
                 name,
                 sandboxed ? "sandboxed" : "bare",
                 artifacts ? "/" + artifacts->lexically_relative(store).native() : ""};
  if (artifacts) needed.push_back(*artifacts);
  // Seen as they are filled later.
  for (const char* scheme : {"minio", "s3", "gcs"}) needed.push_back(store / scheme);
  for (const auto& directory : needed) {
    if (const Status made = make_directories(directory, 0700); !made) {
      log::warn("run {}: no Python server: {}", run.run_id, made.error().message);
      return std::nullopt;
    }
  }
  const std::filesystem::path clients = options.directory / "python-client";
  const auto client = python_client(clients);
  if (!client) {
    log::warn("run {}: no Python server: {}", run.run_id, client.error().message);
    return std::nullopt;
  }
  std::string artifacts_of_step;
  if (sandboxed) {
    using Kind = proc::Mount::Kind;
    for (const proc::Mount& mount : step.sandbox->mounts) {
      if (mount.kind == Kind::writable && mount.source.native().starts_with(store.native() + "/"))
        artifacts_of_step = mount.target;
    }
    server.sandbox = task_sandbox(options, run, place, artifacts.value_or(""));
    server.sandbox->mounts.push_back({Kind::writable, of_run, of_run.native(), 0, {}});
    server.sandbox->mounts.push_back(
        {Kind::writable, environment->parent_path(), environment->parent_path().native(), 0, {}});
    step.sandbox->mounts.push_back({Kind::writable, place, place.native(), 0, {}});
    step.sandbox->mounts.push_back({Kind::read_only, clients, clients.native(), 0, {}});
  }
  std::vector<std::string> asking = {client->native(), (place / name).native(), environment->native(),
                                     artifacts_of_step, "0"};
  asking.insert(asking.end(), step.argv.begin(), step.argv.end());
  step.argv = std::move(asking);
  return server;
}

}  // namespace millrace::pipelines::executors
