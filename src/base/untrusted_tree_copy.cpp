// Copies out of a tree: made beside their name, renamed when whole.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/untrusted_tree_parts.h"

namespace millrace {

namespace {

constexpr std::size_t kCopyChunk = 1u << 20;

// The bytes [from, end) of one file to the same place in another.
Status copy_range(int from, int to, off_t at, off_t end, const std::filesystem::path& place) {
  std::string buffer;
  bool in_kernel = true;
  while (at < end) {
    off_t source = at, target = at;
    ssize_t n = 0;
    if (in_kernel) {
      n = ::copy_file_range(from, &source, to, &target, static_cast<std::size_t>(end - at), 0);
      if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        in_kernel = false;
        continue;
      }
    } else {
      buffer.resize(std::min<std::size_t>(kCopyChunk, static_cast<std::size_t>(end - at)));
      n = ::pread(from, buffer.data(), buffer.size(), at);
      if (n > 0 && ::pwrite(to, buffer.data(), static_cast<std::size_t>(n), at) != n) n = -1;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("cannot copy to " + place.string(), errno));
    if (n == 0) return {};  // it has become shorter
    at += n;
  }
  return {};
}

// The first `size` bytes; holes stay holes.
Status copy_contents(int from, int to, off_t size, const std::filesystem::path& place) {
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    const off_t start = data < 0 ? at : data;
    const off_t hole = data < 0 ? size : ::lseek(from, start, SEEK_HOLE);
    const off_t end = hole < 0 ? size : std::min(hole, size);
    MR_TRY(copy_range(from, to, start, end, place));
    at = end;
  }
  if (::ftruncate(to, size) != 0) return fail(system_error("cannot copy to " + place.string(), errno));
  return {};
}

unsigned copied_mode(const FileInfo& info) { return (info.mode & S_IXUSR) != 0 ? 0700 : 0600; }

}  // namespace

Result<UntrustedTree::Copied> UntrustedTree::copy(std::string_view path, const UntrustedTree& to,
                                                  std::string_view to_path, Links links, Others others,
                                                  const Limits& limits) const {
  Copied copied;
  const auto copy_one = [&](std::string_view from, const UntrustedTree& target, std::string_view name) -> Status {
    const Fd file = MR_TRY(open_file(from, links));
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail(untrusted::error_at(root_, from, errno));
    const std::uint64_t size = static_cast<std::uint64_t>(info.st_size);
    if (size > limits.bytes || copied.bytes > limits.bytes - size)
      return fail(Code::resource_exhausted,
                  fmt::format("{} has more than {} bytes", (root_ / path).string(), limits.bytes));
    MR_TRY(target.write(
        name, [&](int fd) { return copy_contents(file.get(), fd, info.st_size, target.root_ / name); },
        copied_mode(untrusted::info_of(info))));
    copied.bytes += size;
    ++copied.files;
    return {};
  };
  const auto found = MR_TRY(info(path, links));
  if (!found) return fail(untrusted::error_at(root_, path, ENOENT));
  if (found->kind != FileKind::directory) {
    MR_TRY(copy_one(path, to, to_path));
    return copied;
  }
  const untrusted::Place place = MR_TRY(untrusted::split(to_path));
  const std::string temporary =
      fmt::format("{}{}.tmp-{}", place.directory, place.directory.empty() ? "" : "/", random_hex(8));
  const std::string clean = untrusted::joined(MR_TRY(untrusted::components_of(path)));
  const auto fill = [&]() -> Status {
    MR_TRY(to.make_directories(temporary));
    const UntrustedTree target = MR_TRY(to.open_tree(temporary));
    MR_TRY(walk(path, links, limits, [&](const Entry& entry) -> Status {
      const std::string_view name = std::string_view(entry.path).substr(clean.empty() ? 0 : clean.size() + 1);
      if (entry.info.kind == FileKind::directory) return target.make_directories(name);
      if (entry.info.kind == FileKind::regular) return copy_one(entry.path, target, name);
      if (others == Others::refuse)
        return fail(Code::failed_precondition,
                    fmt::format("{} is {}: only files and directories are kept", (root_ / entry.path).string(),
                                entry.info.kind == FileKind::symlink
                                    ? "a symbolic link that leads out of its directory or is not followed"
                                    : "neither a file nor a directory"));
      if (copied.skipped.size() < kMaxSkipped) copied.skipped.push_back(entry.path);
      return {};
    }));
    MR_TRY(to.remove(to_path));
    return to.rename(temporary, to, to_path);
  };
  if (const Status filled = fill(); !filled) {
    (void)to.remove(temporary);
    return fail(filled.error());
  }
  return copied;
}

}  // namespace millrace
