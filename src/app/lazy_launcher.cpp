#include "app/lazy_launcher.h"

#include "base/thread_name.h"
#include "proc/open_launcher.h"

namespace millrace::app {

LazyLauncher::LazyLauncher(std::filesystem::path directory, std::filesystem::path executable, ExitHandler on_exit,
                           std::uint64_t log_limit) {
  done_ = std::async(std::launch::async, [this, directory = std::move(directory), executable = std::move(executable),
                                          on_exit = std::move(on_exit), log_limit]() mutable {
            name_thread("launcher-start");
            launcher_ = proc::open_launcher(directory, executable, std::move(on_exit), log_limit);
          }).share();
}

LazyLauncher::~LazyLauncher() { done_.wait(); }

Result<proc::Launcher*> LazyLauncher::opened() {
  done_.wait();
  if (!launcher_) return fail(launcher_.error());
  return launcher_->get();
}

void LazyLauncher::launch_async(const proc::LaunchSpec& spec, LaunchDone done) {
  if (const auto launcher = opened())
    (*launcher)->launch_async(spec, std::move(done));
  else
    done(fail(launcher.error()));
}
Result<std::optional<proc::ChildStatus>> LazyLauncher::status(const std::string& key) {
  return MR_TRY(opened())->status(key);
}
Status LazyLauncher::stop(const std::string& key, Millis grace) { return MR_TRY(opened())->stop(key, grace); }
Status LazyLauncher::forget(const std::string& key) { return MR_TRY(opened())->forget(key); }
Status LazyLauncher::shutdown(Millis grace) { return MR_TRY(opened())->shutdown(grace); }

}  // namespace millrace::app
