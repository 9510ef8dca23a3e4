#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fmt/core.h>

#include "base/disk_full.h"
#include "base/ids.h"

namespace millrace {
namespace {

constexpr std::size_t kCopyChunk = 1u << 20;

Status write_all(int fd, std::string_view content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("cannot write " + path.string(), errno));
    }
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Error system_error(std::string_view what, int error_number) {
  if (is_disk_full(error_number)) return disk_full(what);
  Code code = Code::internal;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      code = Code::not_found;
      break;
    case EACCES:
    case EPERM:
      code = Code::permission_denied;
      break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      code = Code::resource_exhausted;
      break;
    case EROFS:
      code = Code::failed_precondition;
      break;
    case EEXIST:
      code = Code::already_exists;
      break;
    default:
      break;
  }
  char buffer[256];
  return Error(code, fmt::format("{}: {}", what, ::strerror_r(error_number, buffer, sizeof buffer)));
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(system_error("cannot read " + path.string(), errno));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail(system_error("cannot read " + path.string(), errno));
  if (S_ISDIR(info.st_mode)) return fail(system_error("cannot read " + path.string(), EISDIR));
  std::string content;
  // The size is a hint only: files under /proc say 0, and a file may grow while it is read.
  content.resize(std::min<std::size_t>(static_cast<std::size_t>(info.st_size) + 1, max_bytes + 1));
  std::size_t size = 0;
  while (true) {
    if (size == content.size()) content.resize(std::min(content.size() * 2, max_bytes + 1));
    const ssize_t n = ::read(fd.get(), content.data() + size, content.size() - size);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("cannot read " + path.string(), errno));
    }
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > max_bytes) {
      return fail(Code::resource_exhausted, fmt::format("{} is larger than {} bytes", path.string(), max_bytes));
    }
  }
  content.resize(size);
  return content;
}

Status write_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return fail(system_error("cannot write " + path.string(), errno));
  return write_all(fd.get(), content, path);
}

Status write_file_atomic(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  std::filesystem::path temporary = path;
  temporary += ".tmp-" + random_hex(8);
  const auto discard = [&](Error error) {
    ::unlink(temporary.c_str());
    return fail(std::move(error));
  };
  {
    const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) return fail(system_error("cannot write " + path.string(), errno));
    if (::fchmod(fd.get(), mode) != 0) return discard(system_error("cannot write " + path.string(), errno));
    if (auto status = write_all(fd.get(), content, path); !status) return discard(status.error());
    if (::fsync(fd.get()) != 0) return discard(system_error("cannot write " + path.string(), errno));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return discard(system_error("cannot write " + path.string(), errno));
  }
  return sync_directory(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
}

Status sync_directory(const std::filesystem::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail(system_error("cannot sync " + path.string(), errno));
  return {};
}

Status make_directories(const std::filesystem::path& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  int error = errno;
  if (error == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    MR_TRY(make_directories(path.parent_path(), mode));
    if (::mkdir(path.c_str(), mode) == 0) return {};
    error = errno;
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return {};
  if (error == EEXIST || error == ENOTDIR)
    return fail(Code::failed_precondition, path.string() + " is not a directory");
  return fail(system_error("cannot make the directory " + path.string(), error));
}

Status copy_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  const Fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) return fail(system_error("cannot read " + from.string(), errno));
  const Fd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!target) return fail(system_error("cannot write " + to.string(), errno));
  bool in_kernel = true;
  std::string buffer;
  while (true) {
    ssize_t n = 0;
    if (in_kernel) {
      n = ::copy_file_range(source.get(), nullptr, target.get(), nullptr, 1u << 30, 0);
      if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        in_kernel = false;
        continue;
      }
    } else {
      buffer.resize(kCopyChunk);
      n = ::read(source.get(), buffer.data(), buffer.size());
      if (n > 0) MR_TRY(write_all(target.get(), std::string_view(buffer.data(), static_cast<std::size_t>(n)), to));
    }
    if (n == 0) return {};
    if (n < 0 && errno != EINTR) return fail(system_error("cannot copy to " + to.string(), errno));
  }
}

Result<TempDir> TempDir::make(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = fmt::format("{}/{}-XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(pattern.data()) == nullptr) {
    return fail(system_error("cannot make a temporary directory " + pattern, errno));
  }
  return TempDir(pattern);
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace millrace
