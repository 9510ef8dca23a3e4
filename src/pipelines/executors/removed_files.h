#pragma once
// The removal of what is left of runs, in the background: a step may leave a million files, and whoever deletes its run
// need not wait for them.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/worker_pool.h"
#include "pipelines/options.h"

namespace millrace::pipelines::executors {

class RemovedFiles {
 public:
  static constexpr std::size_t kMostWaiting = 4096;  // directories; beyond, they wait for the next start

  static constexpr std::chrono::milliseconds kPatience{1'000};

  // What an earlier server has left is removed by begin().
  explicit RemovedFiles(const Options& options);
  ~RemovedFiles() { stop(); }
  void begin();
  // Puts the directories of a run's attempts, their logs, what was fetched for it, and its workspace out of the way at
  // once, and removes them soon: what is removed within kPatience is gone when this returns, so that a full disk has
  // room again. The run has ended and its rows are gone, so what cannot be removed is only noted in the log.
  void take(const std::string& run_id);
  // Waits until what was taken is gone. For tests.
  void finish();
  // Ends the removal under way; what is left waits for the next start. Idempotent.
  void stop();

 private:
  struct UnderWay {
    Mutex mutex;
    CondVar changed;
    std::size_t left MR_GUARDED_BY(mutex) = 0;
  };
  void remove_later(const std::filesystem::path& place, const std::shared_ptr<UnderWay>& of);

  const Options& options_;
  const std::filesystem::path directory_;
  std::atomic<bool> stopping_{false};
  WorkerPool pool_{1, kMostWaiting, "removed-files"};
};

}  // namespace millrace::pipelines::executors
