#pragma once
// Workloads with an image as containers, by podman or docker; those without one go to another backend, as the engine's
// clients do. A container whose client was killed is removed before its end is reported.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/mutex.h"
#include "base/worker_pool.h"
#include "work/backend.h"

namespace millrace::work {

class ContainerBackend final : public Backend {
 public:
  struct Options {
    std::filesystem::path engine;     // one that answers; empty: the first on PATH, looked for when it is needed
    std::filesystem::path directory;  // of the server's own: <container name>/, while its end is not settled
  };
  ContainerBackend(Backend& processes, Options options);
  ~ContainerBackend() override;

  void start(Workload workload, Done done) override;
  Result<std::optional<WorkStatus>> status(const std::string& key) override;
  std::uint16_t published_port(const std::string& key) override;
  Status stop(const std::string& key, Millis grace) override { return processes_.stop(key, grace); }
  Status forget(const std::string& key) override { return processes_.forget(key); }
  Status shutdown(Millis grace) override;
  Status confines() override { return processes_.confines(); }
  bool has_image(const std::string& image) override;

  // Does a container run, or did one within the last minute? Also of an earlier server's.
  bool any() const;

 private:
  using Steady = std::chrono::steady_clock;
  Result<std::filesystem::path> engine();
  bool is_contained(const std::string& name) const;
  void client_ended(const std::string& key, const WorkStatus& status);
  // On a thread of its own, since it takes the engine's time; then `after`. What cannot be done now is found again by
  // the directory.
  void settle_later(const std::string& name, const WorkStatus& status, std::function<void()> after);
  void settle(const std::string& name, const WorkStatus& status);
  std::filesystem::path directory_of(const std::string& name) const { return options_.directory / name; }

  Backend& processes_;
  const Options options_;
  std::atomic<bool> stopping_{false};
  Mutex engine_mutex_;  // held while it is looked for
  std::optional<Result<std::filesystem::path>> engine_ MR_GUARDED_BY(engine_mutex_);
  mutable Mutex mutex_;
  std::set<std::string, std::less<>> unsettled_ MR_GUARDED_BY(mutex_);  // names
  std::optional<Steady::time_point> last_settled_ MR_GUARDED_BY(mutex_);
  std::unique_ptr<WorkerPool> settling_ MR_GUARDED_BY(mutex_);  // made for the first container
  Subscription ends_;                                           // last: it calls the others
};

}  // namespace millrace::work
