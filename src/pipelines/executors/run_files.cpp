#include "pipelines/executors/run_files.h"

#include <filesystem>

#include "base/log.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {

void remove_run_files(const Options& options, const std::string& run_id) {
  if (run_id.empty() || run_id.find('/') != std::string::npos || run_id.starts_with('.')) return;
  for (const std::filesystem::path& place :
       {run_directory(options, run_id), log_directory(options, run_id), fetched_directory(options, run_id),
        workspace_directory(options, run_id)}) {
    if (const Status removed = remove_tree(place); !removed)
      log::error("run {}: its files cannot be removed: {}", run_id, removed.error().message);
  }
}

}  // namespace millrace::pipelines::executors
