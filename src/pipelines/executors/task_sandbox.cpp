#include "pipelines/executors/task_sandbox.h"

#include <sys/stat.h>

#include <string>
#include <system_error>

#include "base/log.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/store.h"
#include "proc/child_user.h"

namespace millrace::pipelines::executors {

work::Sandbox task_sandbox(const Options& options, const RunContext& run, const std::filesystem::path& directory) {
  using Kind = work::Mount::Kind;
  work::Sandbox out;
  out.hidden = options.hidden;
  out.hidden.push_back(options.directory);
  // A Python server of the run may write beside its attempts' directories: those are found beneath the run's.
  const std::filesystem::path above = directory.parent_path(), name = directory.filename();
  out.mounts.push_back({Kind::writable, above, "/tmp", 0, {}, name / "tmp"});
  out.mounts.push_back({Kind::writable, above, directory.native(), 0, {}, name});
  if (run.has_workspace) {
    out.mounts.push_back(
        {Kind::writable, workspace_directory(options, run.run_id), std::string(kWorkspacePath), 0, {}});
  }
  return out;
}

void give_older_files(const Options& options) {
  const auto user = proc::child_user();
  if (!user) return;
  for (const char* name : {"artifacts", "volumes", "workspaces"}) {
    const std::filesystem::path directory = options.directory / name;
    struct stat info{};
    if (::lstat(directory.c_str(), &info) != 0 || info.st_uid == user->user) continue;
    if (const Status given = proc::give_to_child(directory); !given)
      log::warn("steps may be unable to use their older files: {}", given.error().message);
  }
}

}  // namespace millrace::pipelines::executors
