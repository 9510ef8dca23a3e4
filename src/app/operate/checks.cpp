#include "app/operate/checks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>

#include "app/client_files.h"
#include "app/data_directory.h"
#include "base/file.h"
#include "db/backup.h"
#include "iam/iam.h"
#include "proc/launcher.h"
#include "sagemaker/frameworks/needs.h"
#include "work/container_engine.h"
#include "work/python_environment.h"

namespace millrace::app {
namespace {

constexpr rlim_t kFilesWanted = 4'096;
constexpr double kFreeWanted = 1e9;  // bytes
constexpr std::size_t kDamageShown = 3;

std::string path_variable() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "/usr/bin:/bin" : path;
}

// As the server tries it before its first step.
CheckResult check_sandbox() {
  const auto place = TempDir::make("doctor");
  const Status sandbox = place ? proc::sandbox_available(place->path()) : Status(fail(place.error()));
  if (sandbox) return {"sandbox", Health::good, "steps and jobs are confined by namespaces of their own"};
  return {
      "sandbox", Health::bad,
      fmt::format("steps run unconfined and SageMaker jobs fail to start, since the kernel refuses namespaces ({}): "
                  "set user.max_user_namespaces above 0 and, where it is there, "
                  "kernel.apparmor_restrict_unprivileged_userns to 0 with sysctl; in a container of podman, start it "
                  "with --security-opt unmask=ALL; or start the server with --no-sandbox, where all that runs on it "
                  "is trusted",
                  sandbox.error().message)};
}

// The exit code of `python3 -c CODE`, without its output.
int python(const std::string& program, const char* code) {
  const pid_t child = ::fork();
  if (child < 0) return -1;
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    ::execl(program.c_str(), "python3", "-c", code, static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void check_python(std::vector<CheckResult>& found) {
  const std::string program = work::program_on_path(path_variable(), "python3");
  if (program.empty()) {
    found.push_back({"python", Health::bad, "there is no python3 on PATH, and steps of Python functions need one"});
    return;
  }
  if (python(program, "import sys; sys.exit(sys.version_info < (3, 9))") != 0)
    found.push_back({"python", Health::bad, program + " is older than 3.9, or does not run"});
  else
    found.push_back({"python", Health::good, program});
  if (python(program, "import venv, ensurepip") != 0)
    found.push_back({"python-venv", Health::limited,
                     "steps with packages_to_install, and SageMaker jobs in the images of frameworks, fail: the "
                     "modules venv and ensurepip are missing (on Debian: "
                     "apt-get install python3-venv)"});
  if (!sagemaker::frameworks::machine_has_module("numpy"))
    found.push_back({"numpy", Health::limited,
                     "numpy is missing, so the lab's processing job downloads it, once, into an environment of its own "
                     "(on Debian, without a network: apt-get install python3-numpy)"});
}

CheckResult check_engine() {
  const auto engine = work::find_container_engine("");
  if (engine) return {"containers", Health::good, engine->string()};
  return {"containers", Health::limited,
          "neither podman nor docker is on PATH: steps run as processes, and --executor container is not possible"};
}

CheckResult check_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kFilesWanted)
    return {"open files", Health::good, fmt::format("{} may be open", limit.rlim_max)};
  return {"open files", Health::limited,
          fmt::format("only {} files may be open, so few connections are taken: raise it with `ulimit -Hn {}` or the "
                      "service's LimitNOFILE",
                      limit.rlim_max, kFilesWanted)};
}

CheckResult check_disk(const DataLayout& layout) {
  struct statvfs disk{};
  if (::statvfs(layout.root.c_str(), &disk) != 0)
    return {"disk", Health::bad, fmt::format("{}: {}", layout.root.string(), std::strerror(errno))};
  const double free = static_cast<double>(disk.f_frsize) * static_cast<double>(disk.f_bavail);
  const std::string text = fmt::format("{:.1f} GB are free", free / 1e9);
  if (free >= kFreeWanted) return {"disk", Health::good, text};
  return {"disk", Health::limited, text + "; `millrace prune --older-than 30d` makes space"};
}

CheckResult check_database(const DataLayout& layout) {
  const auto damage = db::damage_of(layout.database().string());
  if (!damage) return {"database", Health::bad, damage.error().message};
  if (damage->empty()) return {"database", Health::good, layout.database().string() + " is whole"};
  std::string text = layout.database().string() + " is damaged; stop the server and restore a backup:";
  for (std::size_t i = 0; i < damage->size() && i < kDamageShown; ++i) text += " " + (*damage)[i] + ";";
  text.pop_back();
  return {"database", Health::bad, text};
}

CheckResult check_key(const DataLayout& layout) {
  const auto key = iam::read_encryption_key(key_file_of(layout).string());
  if (key) return {"key", Health::good, key_file_of(layout).string()};
  return {"key", Health::bad, key.error().message};
}

CheckResult check_server(const DataLayout& layout) {
  const Fd lock(::open(layout.lock().c_str(), O_RDONLY | O_CLOEXEC));
  const bool used = lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
  const auto server = read_server_file(layout);
  const std::string place = server ? server->endpoint : std::string();
  return {"server", Health::good, used ? "one uses it: " + place : "none uses it"};
}

}  // namespace

std::vector<CheckResult> check_machine() {
  std::vector<CheckResult> found = {check_sandbox()};
  check_python(found);
  found.push_back(check_engine());
  found.push_back(check_files());
  return found;
}

std::vector<CheckResult> check_data(const DataLayout& layout) {
  std::error_code error;
  if (!std::filesystem::is_directory(layout.root, error))
    return {{"data", Health::good, layout.root.string() + " is not there yet: the first server makes it"}};
  std::vector<CheckResult> found = {check_disk(layout), check_server(layout)};
  if (const auto whole = check_complete(layout); !whole) found.push_back({"data", Health::bad, whole.error().message});
  if (!std::filesystem::exists(layout.database(), error)) return found;
  found.push_back(check_database(layout));
  found.push_back(check_key(layout));
  return found;
}

}  // namespace millrace::app
