#pragma once
// Workloads as processes of this machine: proc's launcher, which keeps them while the server is away, and proc's
// sandbox. An image is ignored: who has none for this backend gives a command that this machine has.

#include <filesystem>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "proc/launcher.h"
#include "work/backend.h"

namespace millrace::work {

class ProcessBackend final : public Backend {
 public:
  // `directory`: of the server's own, to try a sandbox in; made when it is tried.
  ProcessBackend(proc::Launcher& launcher, std::filesystem::path directory)
      : launcher_(launcher), directory_(std::move(directory)) {}

  // To be called for each end that the launcher reports (proc::Launcher::ExitHandler).
  void ended(const std::string& key, const proc::ChildStatus& status);

  void start(Workload workload, Done done) override;
  Result<std::optional<WorkStatus>> status(const std::string& key) override;
  Status stop(const std::string& key, Millis grace) override { return launcher_.stop(key, grace); }
  Status forget(const std::string& key) override { return launcher_.forget(key); }
  Status shutdown(Millis grace) override { return launcher_.shutdown(grace); }
  Status confines() override;
  bool has_image(const std::string&) override { return false; }

 private:
  proc::Launcher& launcher_;
  const std::filesystem::path directory_;
  Mutex mutex_;
  std::optional<Status> confines_ MR_GUARDED_BY(mutex_);
};

}  // namespace millrace::work
