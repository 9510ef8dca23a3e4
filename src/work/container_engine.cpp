#include "work/container_engine.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"

namespace millrace::work {
namespace {

namespace fs = std::filesystem;

constexpr Millis kVersionLimit{30'000};  // until `<engine> version` must have answered

constexpr const char* kOfTheEngine[] = {"PATH",
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

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

fs::path on_path(std::string_view name) {
  const std::string path = variable("PATH");
  for (const std::string_view directory : split(path, ':')) {
    const fs::path file = fs::path(directory) / name;
    if (!directory.empty() && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

Result<pid_t> spawn_silent(const std::string& program, std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int file : {0, 1, 2})
    posix_spawn_file_actions_addopen(&actions, file, "/dev/null", file == 0 ? O_RDONLY : O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return fail(system_error(program + " cannot be started", failed));
  return child;
}

// false: it still runs after `limit`.
bool has_ended(pid_t child, Millis limit) {
  const Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd wanted{handle.get(), POLLIN, 0};
  const auto end = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left = std::chrono::duration_cast<Millis>(end - std::chrono::steady_clock::now());
    const int answer = ::poll(&wanted, 1, static_cast<int>(std::max<Millis::rep>(0, left.count())));
    if (answer > 0) return true;
    if (answer == 0 || errno != EINTR) return false;
  }
}

bool answers(const fs::path& engine) {
  const auto code = ask_engine(engine, {"version"}, kVersionLimit);
  return code && *code == 0;
}

}  // namespace

Result<int> ask_engine(const fs::path& engine, std::vector<std::string> arguments, Millis limit) {
  arguments.insert(arguments.begin(), engine.native());
  const pid_t child = MR_TRY(spawn_silent(engine.native(), arguments));
  const bool ended = has_ended(child, limit);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended)
    return fail(Code::deadline_exceeded, fmt::format("`{} {}` does not end", engine.native(), arguments.at(1)));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

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
                given.empty() ? "nothing can run in containers: neither podman nor docker is installed here"
                              : fmt::format("nothing can run in containers: there is no {}", given));
  }
  for (const fs::path& engine : candidates) {
    if (answers(engine)) return fs::absolute(engine);
  }
  return fail(Code::failed_precondition,
              fmt::format("nothing can run in containers: `{} version` fails", candidates.front().native()));
}

Variables engine_variables() {
  Variables out;
  for (const char* name : kOfTheEngine) {
    if (std::string value = variable(name); !value.empty()) out.emplace_back(name, std::move(value));
  }
  return out;
}

bool is_engine_variable(std::string_view name) {
  return std::any_of(std::begin(kOfTheEngine), std::end(kOfTheEngine), [&](const char* one) { return name == one; });
}

}  // namespace millrace::work
