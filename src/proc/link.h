#pragma once
// The client's way to a launcher: connect, and start one when nobody listens.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

#include "base/file.h"
#include "base/result.h"

namespace millrace::proc {

class LauncherProcess {
 public:
  LauncherProcess(std::filesystem::path directory, std::filesystem::path executable, std::uint64_t log_limit);
  // Reaps the launcher if it was started here and has ended; one that goes on is left alone.
  ~LauncherProcess() { (void)reap(); }
  LauncherProcess(const LauncherProcess&) = delete;
  LauncherProcess& operator=(const LauncherProcess&) = delete;

  // A connection on which hello has been said and accepted. Errors: failed_precondition when another server is
  // connected; not_found when there is no such executable; unavailable after 10 s.
  Result<Fd> connect();
  // Waits until a launcher that was started here has ended, at most 2 s.
  void wait_for_end();

 private:
  Status start();
  bool reap();  // true: none of ours runs
  Status start_failed(int exit_status) const;

  const std::filesystem::path directory_, executable_;
  const std::uint64_t log_limit_;
  Fd directory_fd_;
  pid_t pid_ = 0;
  int last_status_ = 0;
};

}  // namespace millrace::proc
