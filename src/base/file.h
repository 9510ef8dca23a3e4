#pragma once
// Small file helpers. Errors name the path and the system's reason.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace millrace {

// An owned file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

Error system_error(std::string_view what,
                   int error_number);  // ENOENT -> not_found, EACCES -> permission_denied,
                                       // ENOSPC -> resource_exhausted, EROFS -> failed_precondition
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes = 256u << 20);
// Written to a temporary beside it, synced, renamed, directory synced: a reader sees the old or the new content.
Status write_file_atomic(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);
Status write_file(const std::filesystem::path& path, std::string_view content, unsigned mode = 0644);  // plain
Status make_directories(const std::filesystem::path& path, unsigned mode = 0755);
Status sync_directory(const std::filesystem::path& path);
// copy_file_range where the file system can, else read and write. Not synced.
Status copy_file(const std::filesystem::path& from, const std::filesystem::path& to);

// A directory removed with everything in it when this is destroyed.
class TempDir {
 public:
  static Result<TempDir> make(std::string_view prefix = "millrace");  // under TMPDIR or /tmp
  TempDir(TempDir&&) noexcept = default;
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace millrace
