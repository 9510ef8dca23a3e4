#include "proc/log_limit.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "base/thread_name.h"

namespace millrace::proc {
namespace {

using std::chrono::duration_cast;
constexpr int kLooksBeforeFull = 3;
constexpr std::chrono::seconds kAwake{2};  // after the last log

Fd open_again(const Fd& file) {
  const std::string path = fmt::format("/proc/self/fd/{}", file.get());
  Fd again(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (again || errno != EACCES) return again;
  ::fchmod(file.get(), 0600);  // the child has taken the permission away
  return Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
}

// Without following a link on the way.
Fd open_by_name(const std::string& path) {
  open_how how{};
  how.flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

}  // namespace

Status LogLimit::cut(Log& log, const Fd& file, std::uint64_t limit) {
  if (!log.own) log.own = open_again(file);
  if (log.own) return cut_log(log.own.get(), limit);
  if (::ftruncate(file.get(), static_cast<off_t>(kLogHead)) == 0) return {};
  return fail(system_error("the child's log " + log.path + " cannot be cut", errno));
}

LogLimit::~LogLimit() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LogLimit::set(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  limit_ = bytes == 0 ? 0 : std::max(bytes, kLeastChildLogLimit);
}

void LogLimit::watch(std::int64_t pid, Fd log, std::string path) {
  struct stat info{};
  if (!log || ::fstat(log.get(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  auto entry = std::make_shared<Log>();
  entry->path = std::move(path);
  entry->device = info.st_dev;
  entry->inode = info.st_ino;
  entry->size = static_cast<std::uint64_t>(info.st_size);
  entry->looked = Steady::now();
  entry->next = entry->looked + kShortestLook;
  const MutexLock lock(mutex_);
  if (held_ < kMaxHeld) {
    entry->held = std::move(log);
    ++held_;
  }
  logs_.emplace(pid, std::move(entry));
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  if (idle_) changed_.notify_all();
}

void LogLimit::release(std::int64_t pid) {
  const MutexLock lock(mutex_);
  const auto [first, last] = logs_.equal_range(pid);
  for (auto at = first; at != last; ++at) {
    const auto& log = at->second;
    if (log->held) --held_;
    struct stat info{};
    const int seen = log->held ? ::fstat(log->held.get(), &info) : ::lstat(log->path.c_str(), &info);
    if (limit_ == 0 || seen != 0 || static_cast<std::uint64_t>(info.st_size) <= limit_) continue;
    ended_.push_back(log);
    changed_.notify_all();
  }
  logs_.erase(first, last);
}

void LogLimit::look(Log& log, std::uint64_t limit) {
  const auto now = Steady::now();
  Fd opened;
  if (!log.held) opened = open_by_name(log.path);
  const Fd& file = log.held ? log.held : opened;
  struct stat info{};
  log.wait = std::min<Steady::duration>(2 * log.wait, kLongestLook);
  log.next = now + log.wait;
  const double seconds = std::max(std::chrono::duration<double>(now - log.looked).count(), 1e-6);
  log.looked = now;
  if (!file || ::fstat(file.get(), &info) != 0 || info.st_dev != log.device || info.st_ino != log.inode) return;
  const auto size = static_cast<std::uint64_t>(info.st_size), before = std::exchange(log.size, size);
  if (limit == 0) return;
  if (size > limit) {
    const Status done = cut(log, file, limit);
    if (!done && !std::exchange(log.failed, true)) log::warn("{}", done.error().message);
    if (done && ::fstat(file.get(), &info) == 0) log.size = static_cast<std::uint64_t>(info.st_size);
    if (done) log.next = now + (log.wait = kShortestLook);
    if (!log.held) log.own.reset();
    return;
  }
  if (size <= before) return;
  // So often that it is looked at a few times before it is full.
  const double rate = static_cast<double>(size - before) / seconds;
  const std::chrono::duration<double> left(static_cast<double>(limit - size) / rate / kLooksBeforeFull);
  if (left < kLongestLook)
    log.next = now + std::max(duration_cast<Steady::duration>(left), duration_cast<Steady::duration>(kShortestLook));
}

void LogLimit::run() {
  name_thread("child-logs");
  MutexLock lock(mutex_);
  Steady::time_point awake_until;
  while (!stopping_) {
    if (logs_.empty() && ended_.empty()) {
      // Between short steps it is not put to sleep, which would have each of them wake it.
      if (Steady::now() < awake_until) {
        changed_.wait_for(mutex_, kLongestLook);
        continue;
      }
      idle_ = true;
      changed_.wait(mutex_);
      idle_ = false;
      continue;
    }
    const auto now = Steady::now();
    awake_until = now + kAwake;
    auto next = now + kLongestLook;
    std::vector<std::shared_ptr<Log>> due = std::exchange(ended_, {});
    for (const auto& [pid, log] : logs_) {
      if (log->next <= now) due.push_back(log);
      next = std::min(next, log->next);
    }
    if (due.empty()) {
      changed_.wait_until(mutex_, next);
      continue;
    }
    const std::uint64_t limit = limit_;
    lock.unlock();
    for (const auto& log : due) look(*log, limit);
    due.clear();
    lock.lock();
  }
}

Fd find_log(std::int64_t pid, const std::string& path) {
  Fd file = open_by_name(path);
  struct stat info{}, output{};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  for (const int number : {1, 2}) {
    const std::string of_child = fmt::format("/proc/{}/fd/{}", pid, number);
    if (::stat(of_child.c_str(), &output) == 0 && output.st_dev == info.st_dev && output.st_ino == info.st_ino)
      return file;
  }
  return {};
}

}  // namespace millrace::proc
