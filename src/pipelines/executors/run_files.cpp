#include "pipelines/executors/run_files.h"

#include <filesystem>
#include <system_error>

#include "base/log.h"

namespace millrace::pipelines::executors {

void remove_run_files(const Options& options, const std::string& run_id) {
  if (run_id.empty() || run_id.find('/') != std::string::npos || run_id.starts_with('.')) return;
  std::error_code failed;
  std::filesystem::remove_all(options.directory / "runs" / run_id, failed);
  if (failed) log::error("run {}: its files cannot be removed: {}", run_id, failed.message());
}

}  // namespace millrace::pipelines::executors
