#include "pipelines/executors/container.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include <fmt/core.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "base/untrusted_tree.h"

namespace millrace::pipelines::executors {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// What the client itself needs to find its configuration, its storage and its engine.
constexpr const char* kOfTheClient[] = {"PATH",
                                        "HOME",
                                        "XDG_RUNTIME_DIR",
                                        "XDG_CONFIG_HOME",
                                        "XDG_DATA_HOME",
                                        "DOCKER_HOST",
                                        "DOCKER_CONFIG",
                                        "CONTAINERS_CONF",
                                        "CONTAINER_HOST",
                                        "CONTAINERS_STORAGE_CONF",
                                        "CONTAINERS_REGISTRIES_CONF",
                                        "REGISTRY_AUTH_FILE",
                                        "DBUS_SESSION_BUS_ADDRESS",
                                        "TMPDIR"};
// Of the task's: an image has its own.
constexpr std::string_view kOfTheImage[] = {"PATH", "HOME", "LANG", "TMPDIR"};

bool answers(const fs::path& engine) {
  const std::string& program = engine.native();
  std::string words[] = {program, "version"};
  char* arguments[] = {words[0].data(), words[1].data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int file : {0, 1, 2})
    posix_spawn_file_actions_addopen(&actions, file, "/dev/null", file == 0 ? O_RDONLY : O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 1;
  return failed == 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

fs::path on_path(std::string_view name) {
  const std::string path = variable("PATH");
  for (const std::string_view directory : split(path, ':')) {
    const fs::path file = fs::path(directory) / name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

void mount(std::vector<std::string>& words, const std::string& source, const std::string& target, bool read_only) {
  words.push_back("--volume");
  words.push_back(source + ":" + target + (read_only ? ":ro" : ""));
}

// Of a directory below one that is closed to others: a container's user need not be the one that owns it.
Status let_all_write(const UntrustedTree& tree) {
  const Fd directory = MR_TRY(tree.open_directory(""));
  if (::fchmod(directory.get(), 0777) == 0) return {};
  return fail(system_error(tree.root().native() + " cannot be opened to the container's user", errno));
}

// What is to be mounted is there, without a link on its way.
Status open_up(const work::Mount& mount, bool to_all) {
  const UntrustedTree base = MR_TRY(UntrustedTree::open(mount.source));
  if (base.is_file(mount.below.native())) return {};
  const UntrustedTree tree = MR_TRY(base.open_tree(mount.below.native()));
  return to_all ? let_all_write(tree) : Status();
}

}  // namespace

Result<fs::path> find_container_engine(const std::string& given) {
  std::vector<fs::path> candidates;
  if (!given.empty()) {
    candidates.push_back(given.find('/') == std::string::npos ? on_path(given) : fs::path(given));
  } else {
    candidates = {on_path("podman"), on_path("docker")};
  }
  std::erase(candidates, fs::path());
  if (candidates.empty()) {
    return fail(Code::failed_precondition,
                given.empty() ? "tasks cannot run in containers: neither podman nor docker is installed here"
                              : fmt::format("tasks cannot run in containers: there is no {}", given));
  }
  for (const fs::path& engine : candidates) {
    if (answers(engine)) return fs::absolute(engine);
  }
  return fail(Code::failed_precondition,
              fmt::format("tasks cannot run in containers: `{} version` fails", candidates.front().native()));
}

bool is_contained(const Options& options, const Hooks& hooks, const Executor& executor) {
  if (!options.containers) return false;
  std::vector<std::string> words = executor.command;
  words.insert(words.end(), executor.arguments.begin(), executor.arguments.end());
  return !hooks.native_image || !hooks.native_image(executor.image, words);
}

std::string container_name(const std::string& launch_key) { return "millrace-" + sha256_hex(launch_key).substr(0, 24); }

std::string remove_container_keys() { return "container/"; }

work::Workload remove_container(const fs::path& engine, const std::string& launch_key, const fs::path& directory) {
  work::Workload spec;
  spec.key = remove_container_keys() + launch_key;
  spec.synced = false;
  spec.as_server = true;
  spec.command = {engine.native(), "rm", "--force", container_name(launch_key)};
  for (const char* name : kOfTheClient) {
    if (const std::string value = variable(name); !value.empty()) spec.environment.emplace_back(name, value);
  }
  spec.working_directory = directory;
  spec.log = directory / "container.txt";
  return spec;
}

Status put_into_container(const fs::path& engine, const Executor& executor, const std::string& image,
                          std::vector<std::string> command_line, const fs::path& directory, work::Workload& step) {
  const UntrustedTree of_attempt = MR_TRY(UntrustedTree::open(directory));
  // The host's network: steps reach this server on loopback. No labels: what is mounted is the server's own.
  std::vector<std::string> words = {engine.native(), "run",  "--rm",           "--name",       container_name(step.key),
                                    "--network",     "host", "--security-opt", "label=disable"};
  if (step.memory_limit_bytes != 0) {
    words.insert(words.end(), {"--memory", std::to_string(step.memory_limit_bytes)});
    step.memory_limit_bytes = 0;
  }
  if (step.cpus != 0) {
    words.insert(words.end(), {"--cpus", std::to_string(step.cpus)});
    step.cpus = 0;
  }
  const bool other_user = executor.run_as_user || executor.run_as_group;
  if (other_user) {
    words.push_back("--user");
    words.push_back(executor.run_as_group
                        ? fmt::format("{}:{}", executor.run_as_user.value_or(0), *executor.run_as_group)
                        : std::to_string(*executor.run_as_user));
  }
  // The engine follows paths by itself, and no descriptor can be given to it: what is mounted is looked at now, and
  // goes without links on its way. A step that exchanges a directory of a claim for a link while another one that
  // mounts a part of that claim is started can still win.
  std::size_t number = 0;
  for (const work::Mount& one : step.sandbox ? step.sandbox->mounts : std::vector<work::Mount>()) {
    if (one.target.find(':') != std::string::npos || (one.source / one.below).native().find(':') != std::string::npos)
      return fail(Code::invalid_argument,
                  fmt::format("a container cannot have \"{}\" mounted: it holds a ':'", one.target));
    switch (one.kind) {
      case work::Mount::Kind::writable:
      case work::Mount::Kind::read_only: {
        // The program and the Python of the machine are not the image's.
        if (one.kind == work::Mount::Kind::read_only && one.source == one.target && one.below.empty()) break;
        const bool read_only = one.kind == work::Mount::Kind::read_only;
        const bool to_all = other_user && !read_only;
        if (!one.below.empty() || to_all) MR_TRY(open_up(one, to_all));
        mount(words, one.below.empty() ? one.source.native() : (one.source / one.below).native(), one.target,
              read_only);
        break;
      }
      case work::Mount::Kind::memory:
        words.push_back("--tmpfs");
        words.push_back(one.target + (one.size_bytes == 0 ? "" : fmt::format(":size={}", one.size_bytes)));
        break;
      case work::Mount::Kind::files: {
        const std::string inside = "files/" + std::to_string(number++);
        const fs::path files = directory / inside;
        MR_TRY(of_attempt.make_directories(inside, other_user ? 0755 : 0700));
        for (const auto& [name, bytes] : one.files) {
          if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
            return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of a file", name));
          MR_TRY(of_attempt.write(inside + "/" + name, bytes, other_user ? 0444 : 0400));
        }
        mount(words, files.native(), one.target, true);
        break;
      }
    }
  }
  if (other_user) {
    for (const char* name : {"outputs", "tmp"}) {
      if (of_attempt.is_directory(name)) MR_TRY(let_all_write(MR_TRY(of_attempt.open_tree(name))));
    }
  }
  // The task's variables by name: their values are in the client's environment. The client's own, which a task may have
  // set too, are given as they are.
  std::vector<std::pair<std::string, std::string>> environment;
  for (const char* name : kOfTheClient) {
    if (const std::string value = variable(name); !value.empty()) environment.emplace_back(name, value);
  }
  for (const auto& [name, value] : step.environment) {
    const bool own = std::any_of(executor.environment.begin(), executor.environment.end(),
                                 [&, &wanted = name](const auto& entry) { return entry.first == wanted; });
    if (std::ranges::find(kOfTheImage, name) != std::end(kOfTheImage) && !own) continue;
    const bool clients = std::any_of(std::begin(kOfTheClient), std::end(kOfTheClient),
                                     [&, &wanted = name](const char* other) { return wanted == other; });
    words.push_back("--env");
    words.push_back(clients ? name + "=" + value : name);
    if (!clients) environment.emplace_back(name, value);
  }
  // As in Kubernetes: a command takes the place of the image's entry point, arguments that of its command.
  if (!executor.command.empty() && !command_line.empty()) {
    words.push_back("--entrypoint");
    words.push_back(command_line.front());
    command_line.erase(command_line.begin());
  }
  words.push_back(image);
  words.insert(words.end(), command_line.begin(), command_line.end());
  step.command = std::move(words);
  step.environment = std::move(environment);
  step.sandbox.reset();
  step.as_server = true;
  return {};
}

}  // namespace millrace::pipelines::executors
