#include "sagemaker/jobs/sandbox.h"

#include <unistd.h>

#include "base/log.h"
#include "base/strings.h"
#include "proc/child_user.h"

namespace millrace::sagemaker {
namespace {

namespace fs = std::filesystem;
using MountKind = work::Mount::Kind;

constexpr std::string_view kSystemPath = "/usr/local/bin:/usr/bin:/bin";

}  // namespace

bool Sandbox::available() {
  const Status confines = backend_.confines();
  if (!confines) std::call_once(said_, [&] { log::warn("jobs run without a sandbox: {}", confines.error().message); });
  return confines.has_value();
}

Status Sandbox::contain_program(work::Workload& spec, const fs::path& job, std::vector<fs::path> hidden, bool network) {
  if (!available()) {
    return fail(Code::failed_precondition,
                "this machine gives the job no /opt/ml of its own: run the server as root, or allow user namespaces");
  }
  MR_TRY(proc::give_to_child(job / "ml"));
  MR_TRY(proc::give_to_child(job / "tmp"));
  spec.sandbox.emplace();
  spec.sandbox->hidden = std::move(hidden);
  spec.sandbox->network = network;
  spec.sandbox->mounts = {{MountKind::writable, job / "ml", "/opt/ml", 0, {}},
                          {MountKind::writable, job / "tmp", "/tmp", 0, {}}};
  spec.working_directory = "/";
  return {};
}

Status Sandbox::contain_worker(work::Workload& spec, const std::vector<fs::path>& own,
                               const std::vector<fs::path>& read, std::vector<fs::path> hidden) {
  if (!available()) return {};
  spec.sandbox.emplace();
  spec.sandbox->hidden = std::move(hidden);
  for (const auto& directory : own) {
    MR_TRY(proc::give_to_child(directory));
    spec.sandbox->mounts.push_back({MountKind::writable, directory, directory.native(), 0, {}});
  }
  for (const auto& directory : read) {
    MR_TRY(proc::give_to_child(directory));
    spec.sandbox->mounts.push_back({MountKind::read_only, directory, directory.native(), 0, {}});
  }
  return {};
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
