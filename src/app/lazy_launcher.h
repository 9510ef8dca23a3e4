#pragma once
// A launcher that is opened in the background: the server answers its first request without waiting for another
// process to start. Every call waits for it.

#include <future>

#include "proc/launcher.h"

namespace millrace::app {

class LazyLauncher final : public proc::Launcher {
 public:
  LazyLauncher(std::filesystem::path directory, std::filesystem::path executable, ExitHandler on_exit,
               std::uint64_t log_limit);
  ~LazyLauncher() override;
  void launch_async(const proc::LaunchSpec& spec, LaunchDone done) override;
  Result<std::optional<proc::ChildStatus>> status(const std::string& key) override;
  Status stop(const std::string& key, Millis grace) override;
  Status forget(const std::string& key) override;
  Status shutdown(Millis grace) override;

 private:
  Result<proc::Launcher*> opened();
  std::shared_future<void> done_;
  Result<std::unique_ptr<proc::Launcher>> launcher_ = fail(Code::unavailable, "the launcher is not started");
};

}  // namespace millrace::app
