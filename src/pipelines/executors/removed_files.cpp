#include "pipelines/executors/removed_files.h"

#include <system_error>

#include <fmt/core.h>

#include "base/file.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "base/untrusted_tree.h"
#include "pipelines/executors/attempt_files.h"
#include "pipelines/executors/inline_tasks.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::executors {

RemovedFiles::RemovedFiles(const Options& options) : options_(options), directory_(options.directory / "removed") {}

void RemovedFiles::begin() {
  const auto tree = UntrustedTree::open(directory_);
  if (!tree) return;  // nothing was ever removed
  UntrustedTree::Limits limits;
  limits.entries = kMostWaiting;
  const auto left = tree->list("", limits);
  if (!left) log::warn("files of removed runs: {}", left.error().message);
  if (!left) return;
  const auto of_an_earlier_server = std::make_shared<UnderWay>();
  for (const auto& entry : *left) remove_later(directory_ / entry.path, of_an_earlier_server);
}

void RemovedFiles::take(const std::string& run_id) {
  if (run_id.empty() || run_id.find('/') != std::string::npos || run_id.starts_with('.')) return;
  const auto under_way = std::make_shared<UnderWay>();
  const Status made = make_directories(directory_, 0700);  // trusted-path: no step sees it
  for (const std::filesystem::path& place :
       {run_directory(options_, run_id), log_directory(options_, run_id), fetched_directory(options_, run_id),
        workspace_directory(options_, run_id)}) {
    const std::filesystem::path aside = directory_ / fmt::format("{}-{}", run_id, random_hex(8));
    std::error_code error;
    if (made) std::filesystem::rename(place, aside, error);  // trusted-path: of a run, above what its steps see
    if (made && error == std::errc::no_such_file_or_directory) continue;
    remove_later(made && !error ? aside : place, under_way);
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const MutexLock lock(under_way->mutex);
  while (under_way->left > 0 && std::chrono::steady_clock::now() < deadline)
    under_way->changed.wait_until(under_way->mutex, deadline);
}

void RemovedFiles::remove_later(const std::filesystem::path& place, const std::shared_ptr<UnderWay>& of) {
  {
    const MutexLock lock(of->mutex);
    ++of->left;
  }
  const bool taken = pool_.submit([this, place, of] {
    const Status removed = stopping_ ? Status() : remove_tree(place, stopping_);
    if (!removed && removed.error().code != Code::cancelled)
      log::error("files of a removed run stay: {}", removed.error().message);
    const MutexLock lock(of->mutex);
    --of->left;
    of->changed.notify_all();
  });
  if (taken) return;
  {
    const MutexLock lock(of->mutex);
    --of->left;
  }
  if (!stopping_) log::warn("{} is removed by the next start: too many wait", place.string());
}

void RemovedFiles::finish() { pool_.stop(); }

void RemovedFiles::stop() {
  stopping_ = true;
  pool_.stop();
}

}  // namespace millrace::pipelines::executors
