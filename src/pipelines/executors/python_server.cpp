#include "pipelines/executors/python_server.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/encode.h"
#include "base/file.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/strings.h"
#include "pipelines/executors/inputs.h"
#include "pipelines/executors/python_client.h"
#include "pipelines/executors/python_environment.h"
#include "pipelines/executors/python_server_program.h"
#include "pipelines/executors/store.h"
#include "pipelines/executors/task_sandbox.h"
#include "proc/child_user.h"
#include "proc/system_calls.h"

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

constexpr std::size_t kPatience = 4;              // of the client's arguments (python_client/python_client.cpp)
constexpr std::uint64_t kPlacesBytes = 1u << 20;  // of directories to mount at
constexpr int kIdleSeconds = 60, kReadySeconds = 600;
constexpr std::string_view kReadyKeys = "python/ready-";

bool is_program(const std::string& text) { return with_single_blanks(text) == kProgram; }

// What a shared sandbox cannot give, and secrets: the workers of a server are the same user in the same pid namespace.
bool can_be_served(const Executor& executor) {
  return !executor.needs_mounts() && executor.env_from_keys.empty() && !has_variables_of_the_start(executor);
}

// A server's directories on the machine, and where it sees them.
struct Place {
  std::filesystem::path directory, seen;            // beside the attempts; python/ in it is the server's own
  std::filesystem::path artifacts, artifacts_seen;  // empty: it has none
  std::string socket;
};

Status make_place(const Place& place) {
  MR_TRY(make_directories(place.directory / "python" / "tmp", 0700));
  if (!place.artifacts.empty()) MR_TRY(make_directories(place.artifacts, 0755));
  return proc::give_to_child(place.directory / "python");
}

work::Workload server_at(const Place& place, const std::string& key, const std::filesystem::path& environment,
                         bool sandboxed, int idle_seconds) {
  const std::filesystem::path own = place.seen / "python";
  work::Workload server;
  server.key = key;
  server.synced = false;
  server.working_directory = own;
  server.log = place.directory / "python" / "log.txt";
  server.environment.emplace_back("HOME", own.native());
  server.command = {(environment / "bin/python3").native(),
                    "-c",
                    std::string(python_server_program()),
                    own.native(),
                    place.socket,
                    sandboxed ? "sandboxed" : "bare",
                    place.artifacts_seen.native(),
                    std::to_string(idle_seconds),
                    to_hex(proc::system_call_filter_bytes())};
  return server;
}

// As a task's whose directory is the server's own, with those of the attempts and the environment.
work::Sandbox sandbox_at(const Options& options, const RunContext& run, const Place& place,
                         const std::filesystem::path& environment) {
  using Kind = work::Mount::Kind;
  const std::filesystem::path own = place.directory / "python";
  work::Sandbox out = task_sandbox(options, run, own);
  out.may_nest = true;
  // Where its workers' artifacts go is made in these; a worker mounts its own there.
  for (const char* scheme : {"/minio", "/s3", "/gcs"})
    out.mounts.push_back({Kind::memory, {}, scheme, kPlacesBytes, {}});
  for (work::Mount& mount : out.mounts) {
    if (mount.target == own) mount.target = place.seen / "python";
  }
  out.mounts.push_back({Kind::writable, place.directory, place.seen.native(), 0, {}});
  out.mounts.push_back({Kind::read_only, environment, environment.native(), 0, {}});
  if (place.artifacts.empty()) return out;
  // Those of a run are found beneath the store, in whose directories steps write.
  const std::filesystem::path store = store_directory(options), inside = place.artifacts.lexically_relative(store);
  const bool is_stored = !inside.empty() && !inside.native().starts_with("..");
  out.mounts.push_back({Kind::writable,
                        is_stored ? store : place.artifacts,
                        place.artifacts_seen,
                        0,
                        {},
                        is_stored ? inside : std::filesystem::path()});
  return out;
}

std::string seen_in_task(const Options& options, const std::filesystem::path& artifacts) {
  return artifacts.empty() ? "" : "/" + artifacts.lexically_relative(options.directory / "artifacts").native();
}

// Artifacts that were not made in the run are mounted for the step alone.
bool sees_others_artifacts(const Options& options, const RunContext& run, const work::Workload& step,
                           const std::string& of_run) {
  if (!step.sandbox) return false;
  return std::any_of(step.sandbox->mounts.begin(), step.sandbox->mounts.end(), [&](const work::Mount& mount) {
    const bool is_input =
        mount.source == store_directory(options) || mount.source == fetched_directory(options, run.run_id);
    return is_input && mount.kind == work::Mount::Kind::read_only && mount.target != of_run;
  });
}

// "python/ready-<id>/<environment>" has the socket "<environment>.<id>" and, before a run takes it, the directory
// python-ready/<environment>.<id>; "python/<run>/<environment>" has the socket "<environment>".
bool is_ready_key(std::string_view key) { return key.starts_with(kReadyKeys); }

std::string environment_of(const std::string& key) { return key.substr(key.rfind('/') + 1); }

std::string socket_of(const std::string& key) {
  if (!is_ready_key(key)) return environment_of(key);
  return environment_of(key) + "." + key.substr(kReadyKeys.size(), key.rfind('/') - kReadyKeys.size());
}

std::string key_of(const std::string& socket, const std::string& run_id) {
  const std::size_t dot = socket.find('.');
  if (dot == std::string::npos) return python_server_keys_of(run_id) + "/" + socket;
  return std::string(kReadyKeys) + socket.substr(dot + 1) + "/" + socket.substr(0, dot);
}

std::filesystem::path ready_directory(const Options& options, const std::string& key) {
  return options.directory / "python-ready" / socket_of(key);
}

std::string variable_or(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

}  // namespace

bool is_python_component(const Executor& executor) {
  return std::any_of(executor.command.begin(), executor.command.end(), is_program);
}

std::vector<std::string> python_servers_of(const Options& options, const std::string& run_id) {
  // Each has a socket.
  std::vector<std::string> keys;
  std::error_code error;
  const std::filesystem::path place = options.directory / "runs" / run_id / "python";
  for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
    if (entry.is_socket(error)) keys.push_back(key_of(entry.path().filename().native(), run_id));
  }
  return keys;
}

void wait_for_python_server(work::Workload& step, Millis patience) {
  step.command[kPatience] = std::to_string(std::max(patience, Millis(0)).count());
}

std::string python_server_keys_of(const std::string& run_id) { return "python/" + run_id; }

std::optional<work::Workload> use_python_server(const Options& options, const RunContext& run, const Executor& executor,
                                                const std::string& taken, work::Workload& step) {
  const auto environment = work::kept_environment(step);
  // sh -ec <program> <code> <arguments…>
  if (!environment || step.command.size() < 4 || step.command[0] != "sh" || step.command[1] != "-ec" ||
      !is_program(step.command[2]))
    return std::nullopt;
  if (!can_be_served(executor) || step.memory_limit_bytes != 0 || step.cpu_limit_seconds != 0 || step.cpus != 0)
    return std::nullopt;
  const std::filesystem::path of_run = options.directory / "runs" / run.run_id, own = of_run / "python";
  if (step.working_directory.parent_path() != of_run) return std::nullopt;
  const std::string name = environment->filename().native();
  const bool is_taken = !taken.empty() && environment_of(taken) == name;
  if (!is_taken && run.python_tasks < 2) return std::nullopt;
  const std::string key = is_taken ? taken : python_server_keys_of(run.run_id) + "/" + name;
  const auto stored = store_place(run_artifacts_uri(run));
  const auto artifacts = stored ? store_directory(options) / *stored : std::filesystem::path();
  const std::string artifacts_seen = seen_in_task(options, artifacts);
  if (sees_others_artifacts(options, run, step, artifacts_seen)) return std::nullopt;
  const Place place{of_run, of_run, artifacts, artifacts_seen, socket_of(key)};
  const std::filesystem::path clients = options.directory / "python-client";
  const Status made = make_place(place);
  const auto client = made ? python_client(clients) : fail(made.error());
  if (!client) {
    log::warn("run {}: no Python server: {}", run.run_id, client.error().message);
    return std::nullopt;
  }
  work::Workload server = server_at(place, key, *environment, step.sandbox.has_value(), kIdleSeconds);
  for (const auto& [variable, value] : step.environment) {
    if (variable == "PATH" || variable == "LANG") server.environment.emplace_back(variable, value);
  }
  std::string artifacts_of_step;
  if (step.sandbox) {
    using Kind = work::Mount::Kind;
    for (const work::Mount& mount : step.sandbox->mounts) {
      if (mount.kind == Kind::writable && mount.source == store_directory(options)) artifacts_of_step = mount.target;
    }
    server.sandbox = sandbox_at(options, run, place, *environment);
    step.sandbox->mounts.push_back({Kind::writable, own, own.native(), 0, {}});
    step.sandbox->mounts.push_back({Kind::read_only, clients, clients.native(), 0, {}});
  }
  std::vector<std::string> asking = {client->native(), (own / place.socket).native(), artifacts_seen, artifacts_of_step,
                                     "0"};
  asking.insert(asking.end(), step.command.begin(), step.command.end());
  step.command = std::move(asking);
  return server;
}

std::string python_environment_of(const Executor& executor) {
  if (!is_python_component(executor) || !can_be_served(executor)) return {};
  Variables variables = executor.environment;
  variables.emplace_back("PATH", variable_or("PATH", "/usr/local/bin:/usr/bin:/bin"));
  return python_environment(executor.image, executor.command, variables).recipe.name;
}

Result<work::Workload> ready_python_server(const Options& options, const std::string& name) {
  const auto kept = work::find_environment(options.directory, name);
  if (!kept) return fail(Code::not_found, "there is no Python environment " + name);
  const std::filesystem::path& environment = kept->directory;
  const std::string id = random_hex(16), key = std::string(kReadyKeys) + id + "/" + name;
  const std::filesystem::path directory = ready_directory(options, key), seen = options.directory / "runs" / id;
  const Place place{directory, seen, directory / "artifacts", seen.native() + "-artifacts", socket_of(key)};
  MR_TRY(make_place(place));
  work::Workload server = server_at(place, key, environment, true, kReadySeconds);
  server.environment.emplace_back("PATH", variable_or("PATH", "/usr/local/bin:/usr/bin:/bin"));
  server.environment.emplace_back("LANG", variable_or("LANG", "C.UTF-8"));
  server.sandbox = sandbox_at(options, {}, place, environment);
  return server;
}

bool take_python_server(const Options& options, const RunContext& run, const std::string& key) {
  const std::filesystem::path from = ready_directory(options, key), to = options.directory / "runs" / run.run_id;
  const auto stored = store_place(run_artifacts_uri(run));
  const auto artifacts = stored ? std::optional(store_directory(options) / *stored) : std::nullopt;
  std::error_code failed;
  if (run.has_workspace || !artifacts || std::filesystem::exists(to, failed)) return false;
  if (!make_directories(to.parent_path(), 0700) || !make_directories(artifacts->parent_path(), 0755)) return false;
  // Neither is moved over what is there: a directory takes the place of an empty one only.
  std::filesystem::rename(from / "artifacts", *artifacts, failed);
  if (failed) return false;
  std::filesystem::rename(from, to, failed);
  std::error_code ignored;
  if (failed) std::filesystem::rename(*artifacts, from / "artifacts", ignored);
  return !failed;
}

std::vector<std::string> ready_python_servers(const Options& options) {
  std::vector<std::string> keys;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options.directory / "python-ready", error))
    keys.push_back(key_of(entry.path().filename().native(), ""));
  return keys;
}

bool is_ready_python_server(std::string_view key) { return is_ready_key(key); }

void remove_ready_python_server(const Options& options, const std::string& key) {
  std::error_code failed;
  std::filesystem::remove_all(ready_directory(options, key), failed);
  if (failed) log::warn("{}: its files cannot be removed: {}", key, failed.message());
}

}  // namespace millrace::pipelines::executors
