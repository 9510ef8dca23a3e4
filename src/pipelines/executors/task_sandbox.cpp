#include "pipelines/executors/task_sandbox.h"

#include <cstdlib>
#include <string>
#include <system_error>

#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {
namespace {

std::string path_variable() {
  const char* value = std::getenv("PATH");
  return value != nullptr && *value != '\0' ? value : "/usr/local/bin:/usr/bin:/bin";
}

// Where the python3 on PATH is a virtual environment below /tmp, which a task sees as a directory of its own: that
// environment's directory. Empty: it is elsewhere.
std::filesystem::path python_below_tmp() {
  const std::string path = path_variable();
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const std::filesystem::path bin = path.substr(start, end - start);
    start = end + 1;
    std::error_code error;
    if (!std::filesystem::exists(bin / "python3", error)) continue;
    const std::filesystem::path environment = bin.parent_path().lexically_normal();
    const bool is_environment = std::filesystem::exists(environment / "pyvenv.cfg", error);
    return is_environment && environment.native().starts_with("/tmp/") ? environment : std::filesystem::path();
  }
  return {};
}

}  // namespace

proc::Sandbox task_sandbox(const Options& options, const RunContext& run, const std::filesystem::path& directory) {
  using Kind = proc::Mount::Kind;
  proc::Sandbox out;
  out.hidden = options.hidden;
  out.hidden.push_back(options.directory);
  // A Python server of the run may write beside its attempts' directories: those are found beneath the run's.
  const std::filesystem::path above = directory.parent_path(), name = directory.filename();
  out.mounts.push_back({Kind::writable, above, "/tmp", 0, {}, name / "tmp"});
  out.mounts.push_back({Kind::writable, above, directory.native(), 0, {}, name});
  // Below /tmp a task sees nothing of the machine but what it runs with.
  if (const auto python = python_below_tmp(); !python.empty())
    out.mounts.push_back({Kind::read_only, python, python.native(), 0, {}});
  if (const auto program = options.executable.lexically_normal(); program.native().starts_with("/tmp/"))
    out.mounts.push_back({Kind::read_only, program, program.native(), 0, {}});
  if (run.has_workspace) {
    out.mounts.push_back(
        {Kind::writable, workspace_directory(options, run.run_id), std::string(kWorkspacePath), 0, {}});
  }
  return out;
}

}  // namespace millrace::pipelines::executors
