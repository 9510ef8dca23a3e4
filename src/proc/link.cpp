#include "proc/link.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "base/descriptor_limit.h"
#include "proc/socket.h"
#include "proc/wire.h"

namespace millrace::proc {
namespace {

using Steady = std::chrono::steady_clock;
constexpr std::chrono::seconds kStartTimeout{10}, kHelloTimeout{5}, kEndTimeout{2};
constexpr std::chrono::milliseconds kFirstWait{1}, kLongestWait{20};
constexpr std::uintmax_t kMaxLogBytes = 1u << 20;  // launcher.log begins anew past this

// The launcher and its children have the limit that the server was started with, not what it raised for itself.
void restore_descriptor_limit(pid_t pid) {
  rlimit files{};
  if (::prlimit(pid, RLIMIT_NOFILE, nullptr, &files) != 0) return;
  files.rlim_cur = original_descriptor_limit();
  ::prlimit(pid, RLIMIT_NOFILE, &files, nullptr);
}

// Says hello. An error without a reason means: try to connect again.
Status greet(const Fd& socket, std::uint64_t log_limit, bool& refused) {
  refused = false;
  std::string frame;
  append_frame(frame, {MessageType::hello, 1, Packer().number(kWireVersion).number(log_limit).take()});
  if (::send(socket.get(), frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size())) {
    return fail(system_error("cannot speak to the launcher", errno));
  }
  std::string in;
  const auto deadline = Steady::now() + kHelloTimeout;
  while (true) {
    std::string_view arrived = in;
    const auto message = MR_TRY(take_frame(arrived));
    if (message) {
      refused = true;
      MR_TRY(unpack_result(message->body));
      refused = false;
      return {};
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    pollfd ready{socket.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) {
      return fail(Code::unavailable, "the launcher does not answer");
    }
    char buffer[512];
    const ssize_t n = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return fail(Code::unavailable, "the launcher went away");
    in.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace

LauncherProcess::LauncherProcess(std::filesystem::path directory, std::filesystem::path executable,
                                 std::uint64_t log_limit)
    : directory_(std::move(directory)), executable_(std::move(executable)), log_limit_(log_limit) {}

Result<Fd> LauncherProcess::connect() {
  if (!directory_fd_) directory_fd_ = MR_TRY(open_directory(directory_));
  const auto deadline = Steady::now() + kStartTimeout;
  auto wait = kFirstWait;
  bool started = false;
  while (true) {
    auto socket = connect_in(directory_fd_);
    if (socket) {
      bool refused = false;
      auto greeted = greet(*socket, log_limit_, refused);
      if (greeted) return std::move(*socket);
      if (refused) return fail(std::move(greeted).error());
    } else if (socket.error().code != Code::not_found) {
      return socket;
    } else if (reap()) {
      // It may have found the lock still held by one that was about to end; any other failure would come again.
      if (started && last_status_ != 0) return fail(start_failed(last_status_).error());
      MR_TRY(start());
      started = true;
    }
    if (Steady::now() >= deadline) return fail(Code::unavailable, "the launcher did not start within 10 s");
    std::this_thread::sleep_for(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

Status LauncherProcess::start_failed(int status) const {
  const auto log = read_file(directory_ / "launcher.log", 2 * kMaxLogBytes);
  std::string last = log ? *log : std::string();
  while (!last.empty() && last.back() == '\n') last.pop_back();
  if (const auto line = last.rfind('\n'); line != std::string::npos) last.erase(0, line + 1);
  return fail(Code::unavailable, fmt::format("the launcher ({}) ended at once ({} {}): {}", executable_.string(),
                                             WIFSIGNALED(status) ? "signal" : "exit code",
                                             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), last));
}

Status LauncherProcess::start() {
  const std::string log = (directory_ / "launcher.log").string();
  std::error_code ignored;
  if (const auto size = std::filesystem::file_size(log, ignored); !ignored && size > kMaxLogBytes) {
    std::filesystem::resize_file(log, 0, ignored);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  ::posix_spawn_file_actions_addchdir_np(&actions, "/");
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const std::string program = std::filesystem::absolute(executable_).string();
  const std::string directory = std::filesystem::absolute(directory_).string();
  // Nothing of the server's environment: it may hold secrets, and children are given theirs.
  const char* const argv[] = {program.c_str(), "launcher", directory.c_str(), nullptr};
  const char* const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", nullptr};
  const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, &attributes, const_cast<char* const*>(argv),
                                   const_cast<char* const*>(environment));
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    pid_ = 0;
    return fail(system_error("cannot start the launcher " + program, failed));
  }
  restore_descriptor_limit(pid_);
  return {};
}

bool LauncherProcess::reap() {
  if (pid_ != 0 && ::waitpid(pid_, &last_status_, WNOHANG) != 0) pid_ = 0;
  return pid_ == 0;
}

void LauncherProcess::wait_for_end() {
  const auto deadline = Steady::now() + kEndTimeout;
  while (!reap() && Steady::now() < deadline) std::this_thread::sleep_for(kFirstWait);
}

}  // namespace millrace::proc
