#pragma once
// The launcher, and which of its children run now: by their launch keys and by their processes. Everything that is
// launched or asked for goes through here; a child that an earlier server started is known once its owner has asked for
// its status, as each does when the server starts.

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <map>
#include <span>
#include <string>

#include "app/lazy_launcher.h"
#include "base/mutex.h"
#include "proc/launcher.h"

namespace millrace::app {

// Whether the child may look like the server itself to a socket's owner. `another_user`: children that say nothing of
// it are another user's.
bool runs_as_own_user(const proc::LaunchSpec& spec, bool another_user);

class LiveChildren final : public proc::Launcher {
 public:
  LiveChildren(const std::filesystem::path& directory, const std::filesystem::path& executable, ExitHandler on_exit,
               std::uint64_t log_limit);

  void launch_async(const proc::LaunchSpec& spec, LaunchDone done) override;
  Result<std::optional<proc::ChildStatus>> status(const std::string& key) override;
  Status stop(const std::string& key, Millis grace) override;
  Status forget(const std::string& key) override;
  Status shutdown(Millis grace) override;

  // Is it running, or being started? Asks the launcher where it is not known here.
  bool runs(const std::string& key);
  // The key of the child that one of these processes is; empty: none.
  std::string key_of(std::span<const pid_t> processes) const;
  // Does a child run, or did one a moment ago? Also for a moment after the server's start, when it cannot be known.
  bool any() const;
  std::size_t count() const;  // that run now, as far as it is known here
  // The same of those that run as this process's own user: outside a sandbox, or where children have no other user.
  bool any_as_own_user() const;

 private:
  using Steady = std::chrono::steady_clock;
  struct Child {
    std::int64_t pid = 0;  // 0: not known yet
    bool as_own_user = true;
  };
  void begin(const std::string& key, Child child);
  void end(const std::string& key);

  // Of an earlier server's children nothing is known at the start; where none was ever started there are none.
  static Steady::time_point seen_at_start(const std::filesystem::path& directory);

  mutable Mutex mutex_;
  std::map<std::string, Child, std::less<>> running_ MR_GUARDED_BY(mutex_);
  std::size_t as_own_user_ MR_GUARDED_BY(mutex_) = 0;  // of them
  std::map<std::int64_t, std::string> by_pid_ MR_GUARDED_BY(mutex_);
  Steady::time_point last_seen_ MR_GUARDED_BY(mutex_);
  Steady::time_point last_seen_as_own_user_ MR_GUARDED_BY(mutex_);
  LazyLauncher launcher_;  // last: its thread calls back
};

}  // namespace millrace::app
