#include "app/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"

namespace millrace::app {
namespace {

constexpr off_t kMostForALog = 4 << 20;
constexpr std::uint64_t kStep = 256u << 10;  // it does not grow by less

struct Space {
  std::uint64_t free = 0, total = 0;
};
Space space_of(const std::filesystem::path& directory) {
  struct statvfs info{};
  if (::statvfs(directory.c_str(), &info) != 0) return {};
  const auto free = ::geteuid() == 0 ? info.f_bfree : info.f_bavail;
  return {free * info.f_frsize, info.f_blocks * info.f_frsize};
}

}  // namespace

DiskReserve::DiskReserve(std::filesystem::path directory, std::vector<std::filesystem::path> logs)
    : directory_(std::move(directory)),
      file_(directory_ / "reserve"),
      logs_(std::move(logs)),
      size_(std::min(kMostBytes, space_of(directory_).total / kShare)) {}

std::uint64_t DiskReserve::free_bytes() const { return space_of(directory_).free; }
bool DiskReserve::is_full() const { return free_bytes() < size_ / 2; }
bool DiskReserve::is_there() const { return ::access(file_.c_str(), F_OK) == 0; }

// Gives space of the reserve to a file that will be appended to: allocated behind its end, which stays where it is.
void DiskReserve::give_to(const std::filesystem::path& log) {
  constexpr int kTries = 3;  // what is freed may be taken by another before it is allocated again
  const Fd from(::open(file_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  const Fd to(::open(log.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
  struct stat reserve{}, target{};
  if (!from || !to || ::fstat(from.get(), &reserve) != 0 || ::fstat(to.get(), &target) != 0) return;
  const off_t part = std::min<off_t>(reserve.st_size / 4, kMostForALog);
  off_t left = reserve.st_size;
  for (int i = 0; i < kTries && part > 0; ++i) {
    left -= part;
    if (::ftruncate(from.get(), left) != 0) return;
    if (::fallocate(to.get(), FALLOC_FL_KEEP_SIZE, target.st_size, part) == 0) return;
  }
}

void DiskReserve::release() {
  for (const auto& log : logs_) give_to(log);
  if (::unlink(file_.c_str()) == 0)
    log::warn(
        "the disk of {} is full; a reserve has been given up so that space can be freed, for example with "
        "`millrace prune` or by deleting runs or objects",
        directory_.string());
}

void DiskReserve::open() {
  const MutexLock lock(mutex_);
  if (is_full() && is_there())
    release();
  else if (is_full())
    log::warn("the disk of {} is full; free space, for example with `millrace prune` or by deleting runs or objects",
              directory_.string());
}

void DiskReserve::before_freeing() {
  if (!is_full()) return;
  const MutexLock lock(mutex_);
  if (is_there()) release();
}

void DiskReserve::refill() {
  const MutexLock lock(mutex_);
  struct stat info{};
  const std::uint64_t has = ::stat(file_.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  const std::uint64_t wanted = std::min(size_, (free_bytes() + has) / 2);
  if (wanted < has + kStep) return;
  const Fd file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file && ::posix_fallocate(file.get(), 0, static_cast<off_t>(wanted)) != 0)
    (void)!::ftruncate(file.get(), static_cast<off_t>(has));
}

}  // namespace millrace::app
