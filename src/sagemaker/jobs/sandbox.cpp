#include "sagemaker/jobs/sandbox.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>
#include <cerrno>

#include "base/strings.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSystemPath = "/usr/local/bin:/usr/bin:/bin";

bool succeeds(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const int fd : {0, 1, 2}) ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
  char* environment[] = {path, nullptr};
  pid_t pid = 0;
  const int spawned = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) return false;
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<fs::path> opt_entries() {
  std::vector<fs::path> entries;
  std::error_code error;
  // trusted-path: the machine's own /opt
  for (fs::directory_iterator it("/opt", error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error) && it->path().filename() != "ml") entries.push_back(it->path());
  }
  return entries;
}

}  // namespace

std::vector<std::string> sandbox_command(const SandboxRequest& request, Namespaces have,
                                         const std::vector<fs::path>& opt_entries) {
  std::vector<std::string> argv{"bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/opt"};
  const auto add = [&](std::initializer_list<std::string> words) { argv.insert(argv.end(), words); };
  for (const auto& entry : opt_entries) add({"--ro-bind", entry.string(), entry.string()});
  for (const auto& hidden : request.hidden) add({"--tmpfs", hidden.string()});
  for (const auto& file : request.hidden_files) add({"--ro-bind", "/dev/null", file.string()});
  add({"--bind", request.tmp.string(), "/tmp"});
  add({"--bind", request.opt_ml.string(), "/opt/ml"});
  if (have == Namespaces::all) add({"--unshare-pid", "--proc", "/proc"});
  if (!request.network) add({"--unshare-net"});
  add({"--die-with-parent", "--chdir", "/", "--"});
  argv.insert(argv.end(), request.command.begin(), request.command.end());
  return argv;
}

Namespaces Sandbox::have() {
  const std::lock_guard lock(mutex_);
  if (have_) return *have_;
  have_ = Namespaces::none;
  SandboxRequest probe;
  probe.opt_ml = probe.tmp = "/usr";
  probe.command = {"/bin/true"};
  for (const Namespaces candidate : {Namespaces::all, Namespaces::no_pid}) {
    if (succeeds(sandbox_command(probe, candidate, {}))) {
      have_ = candidate;
      break;
    }
  }
  return *have_;
}

Result<std::vector<std::string>> Sandbox::wrap(SandboxRequest request) {
  const Namespaces kind = have();
  if (kind == Namespaces::none) {
    return fail(Code::failed_precondition,
                "this machine gives the job no /opt/ml of its own: install bubblewrap (bwrap) and allow user "
                "namespaces");
  }
  std::vector<fs::path> directories;
  for (const auto& path : request.hidden) {
    std::error_code error;
    if (fs::is_symlink(path, error)) continue;
    if (fs::is_directory(path, error)) directories.push_back(path);
    if (fs::is_regular_file(path, error)) request.hidden_files.push_back(path);
  }
  request.hidden = std::move(directories);
  return sandbox_command(request, kind, opt_entries());
}

fs::path find_command(const std::string& command, std::string_view path_variable) {
  const auto executable = [](const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
  };
  if (command.find('/') != std::string::npos) return executable(command) ? fs::path(command) : fs::path();
  for (const auto folder : split(path_variable.empty() ? kSystemPath : path_variable, ':')) {
    const fs::path candidate = fs::path(folder) / command;
    if (!folder.empty() && executable(candidate)) return candidate;
  }
  return {};
}

}  // namespace millrace::sagemaker
