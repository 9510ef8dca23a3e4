#include "base/untrusted_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/untrusted_tree_parts.h"

namespace millrace {

namespace {

// What `descriptor` (O_PATH) refers to, opened with `flags`; the kernel's own link to it is not at the child's
// disposal.
Fd reopen(const Fd& descriptor, int flags) {
  return Fd(::open(fmt::format("/proc/self/fd/{}", descriptor.get()).c_str(), flags | O_CLOEXEC));
}

Status write_all(int fd, std::string_view content, const std::filesystem::path& place) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("cannot write " + place.string(), errno));
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

UntrustedTree::UntrustedTree(std::filesystem::path root, std::string seen_as, Fd directory)
    : root_(std::move(root)), seen_as_(std::move(seen_as)), directory_(std::move(directory)) {}

Result<UntrustedTree> UntrustedTree::open(const std::filesystem::path& root, std::string seen_as) {
  Fd directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) {
    struct stat info{};
    const int error = errno;
    if (error == ENOTDIR && ::lstat(root.c_str(), &info) == 0)
      return fail(Code::failed_precondition,
                  fmt::format("{} is {}, not a directory", root.string(), file_kind_name(info.st_mode)));
    return fail(untrusted::error_at(root, "", error));
  }
  while (seen_as.size() > 1 && seen_as.ends_with('/')) seen_as.pop_back();
  return UntrustedTree(root, std::move(seen_as), std::move(directory));
}

Result<UntrustedTree> UntrustedTree::open_tree(std::string_view path, Links links) const {
  Fd place = MR_TRY(untrusted::find(root_, seen_as_, directory_.get(), path, links, false));
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return fail(untrusted::error_at(root_, path, errno));
  if (!S_ISDIR(info.st_mode))
    return fail(Code::failed_precondition,
                fmt::format("{} is {}, not a directory", (root_ / path).string(), file_kind_name(info.st_mode)));
  std::string seen_as = seen_as_.empty() || path.empty() ? seen_as_ : fmt::format("{}/{}", seen_as_, path);
  return UntrustedTree(root_ / path, std::move(seen_as), std::move(place));
}

Result<std::optional<FileInfo>> UntrustedTree::info(std::string_view path, Links links) const {
  const auto place = untrusted::find(root_, seen_as_, directory_.get(), path, links, links == Links::refuse);
  if (!place && place.error().code == Code::not_found) return std::optional<FileInfo>();
  if (!place) return fail(place.error());
  struct stat info{};
  if (::fstat(place->get(), &info) != 0) return fail(untrusted::error_at(root_, path, errno));
  return std::optional(untrusted::info_of(info));
}

bool UntrustedTree::is_file(std::string_view path, Links links) const {
  const auto found = info(path, links);
  return found && *found && (*found)->kind == FileKind::regular;
}

bool UntrustedTree::is_directory(std::string_view path, Links links) const {
  const auto found = info(path, links);
  return found && *found && (*found)->kind == FileKind::directory;
}

Result<Fd> UntrustedTree::open_file(std::string_view path, Links links) const {
  const Fd place = MR_TRY(untrusted::find(root_, seen_as_, directory_.get(), path, links, false));
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return fail(untrusted::error_at(root_, path, errno));
  if (!S_ISREG(info.st_mode))
    return fail(Code::failed_precondition,
                fmt::format("{} is {}, not a file", (root_ / path).string(), file_kind_name(info.st_mode)));
  Fd file = reopen(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return fail(untrusted::error_at(root_, path, errno));
  return file;
}

Result<Fd> UntrustedTree::open_directory(std::string_view path, Links links) const {
  return untrusted::open_to_list(root_, path,
                                 MR_TRY(untrusted::find(root_, seen_as_, directory_.get(), path, links, false)));
}

Result<std::string> UntrustedTree::read(std::string_view path, std::size_t max_bytes, Links links) const {
  const Fd file = MR_TRY(open_file(path, links));
  const auto too_large = [&] {
    return fail(Code::resource_exhausted,
                fmt::format("{} is larger than {} bytes", (root_ / path).string(), max_bytes));
  };
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail(untrusted::error_at(root_, path, errno));
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes) return too_large();
  std::string content(static_cast<std::size_t>(info.st_size) + 1, '\0');  // one more: it may grow while it is read
  std::size_t size = 0;
  while (true) {
    if (size == content.size()) content.resize(std::min(content.size() * 2, max_bytes + 1));
    const ssize_t n = ::read(file.get(), content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(untrusted::error_at(root_, path, errno));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > max_bytes) return too_large();
  }
  content.resize(size);
  return content;
}

Result<std::string> UntrustedTree::read_end(std::string_view path, std::size_t max_bytes, Links links) const {
  const Fd file = MR_TRY(open_file(path, links));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail(untrusted::error_at(root_, path, errno));
  const std::size_t size = std::min(static_cast<std::size_t>(info.st_size), max_bytes);
  std::string content(size, '\0');
  const ssize_t n = ::pread(file.get(), content.data(), size, info.st_size - static_cast<off_t>(size));
  if (n < 0) return fail(untrusted::error_at(root_, path, errno));
  content.resize(static_cast<std::size_t>(n));
  return content;
}

Status UntrustedTree::walk(std::string_view path, Links links, const Limits& limits,
                           const std::function<Status(const Entry&)>& visit) const {
  struct Frame {
    Fd directory;  // O_RDONLY
    std::vector<std::string> names;
    std::size_t next = 0;
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };
  std::vector<Frame> frames;
  std::size_t entries = 0;
  std::uint64_t bytes = 0;
  const auto enter = [&](Fd directory, std::string at) -> Status {
    if (frames.size() >= limits.depth)
      return fail(Code::resource_exhausted,
                  fmt::format("{} is deeper than {} directories", (root_ / path).string(), limits.depth));
    Frame frame{std::move(directory), {}, 0, std::move(at), 0, 0};
    struct stat info{};
    Fd listed(::openat(frame.directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!listed || ::fstat(listed.get(), &info) != 0) return fail(untrusted::error_at(root_, frame.path, errno));
    frame.device = info.st_dev;
    frame.inode = info.st_ino;
    frame.names = MR_TRY(untrusted::names_in(root_ / frame.path, std::move(listed), limits.entries - entries));
    frames.push_back(std::move(frame));
    return {};
  };
  const auto is_above = [&](const struct stat& info) {
    return std::any_of(frames.begin(), frames.end(),
                       [&](const Frame& f) { return f.device == info.st_dev && f.inode == info.st_ino; });
  };
  MR_TRY(enter(MR_TRY(open_directory(path, links)), untrusted::joined(MR_TRY(untrusted::components_of(path)))));
  while (!frames.empty()) {
    Frame& frame = frames.back();
    if (frame.next == frame.names.size()) {
      frames.pop_back();
      continue;
    }
    const std::string& name = frame.names[frame.next++];
    Entry entry;
    entry.path = frame.path.empty() ? name : frame.path + '/' + name;
    Fd place(::openat(frame.directory.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!place && errno == ENOENT) continue;  // it has gone meanwhile
    if (!place || ::fstat(place.get(), &info) != 0) return fail(untrusted::error_at(root_, entry.path, errno));
    if (S_ISLNK(info.st_mode) && links == Links::within) {
      auto target = untrusted::find(root_, seen_as_, directory_.get(), entry.path, links, false);
      struct stat leads_to{};
      if (target && ::fstat(target->get(), &leads_to) == 0 &&
          (S_ISREG(leads_to.st_mode) || S_ISDIR(leads_to.st_mode)) && !is_above(leads_to)) {
        place = std::move(*target);
        info = leads_to;
      }
    }
    entry.info = untrusted::info_of(info);
    bytes += entry.info.size;
    if (++entries > limits.entries)
      return fail(Code::resource_exhausted,
                  fmt::format("{} has more than {} entries", (root_ / path).string(), limits.entries));
    if (bytes > limits.bytes)
      return fail(Code::resource_exhausted,
                  fmt::format("{} has more than {} bytes", (root_ / path).string(), limits.bytes));
    MR_TRY(visit(entry));
    if (entry.info.kind == FileKind::directory)
      MR_TRY(enter(MR_TRY(untrusted::open_to_list(root_, entry.path, place)), entry.path));
  }
  return {};
}

Result<std::vector<UntrustedTree::Entry>> UntrustedTree::list(std::string_view path, const Limits& limits) const {
  const Fd directory = MR_TRY(open_directory(path));
  Fd listed(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listed) return fail(untrusted::error_at(root_, path, errno));
  const std::string prefix = untrusted::joined(MR_TRY(untrusted::components_of(path)));
  std::vector<Entry> out;
  for (const std::string& name : MR_TRY(untrusted::names_in(root_ / path, std::move(listed), limits.entries))) {
    struct stat info{};
    if (::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    out.push_back({prefix.empty() ? name : prefix + '/' + name, untrusted::info_of(info)});
  }
  return out;
}

Status UntrustedTree::make_directories(std::string_view path, unsigned mode) const {
  Fd at(::openat(directory_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at) return fail(untrusted::error_at(root_, "", errno));
  for (const std::string& name : MR_TRY(untrusted::components_of(path))) {
    const bool made = ::mkdirat(at.get(), name.c_str(), mode) == 0;
    if (!made && errno != EEXIST) return fail(untrusted::error_at(root_, path, errno));
    Fd next(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) {
      struct stat info{};
      if ((errno == ENOTDIR || errno == ELOOP) && ::fstatat(at.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
        return fail(Code::failed_precondition,
                    fmt::format("{} cannot be made: {} is {}, not a directory", (root_ / path).string(), name,
                                file_kind_name(info.st_mode)));
      return fail(untrusted::error_at(root_, path, errno));
    }
    at = std::move(next);
  }
  return {};
}

Result<bool> UntrustedTree::make_directory(const std::string& name, unsigned mode) const {
  if (MR_TRY(untrusted::components_of(name)).size() != 1)
    return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of a directory", name));
  if (::mkdirat(directory_.get(), name.c_str(), mode) == 0) return true;
  if (errno == EEXIST) return false;
  return fail(untrusted::error_at(root_, name, errno));
}

Status UntrustedTree::write(std::string_view path, std::string_view content, unsigned mode) const {
  return write(path, [&](int fd) { return write_all(fd, content, root_ / path); }, mode);
}

Status UntrustedTree::write(std::string_view path, const std::function<Status(int fd)>& fill, unsigned mode) const {
  const untrusted::Place place = MR_TRY(untrusted::split(path));
  const Fd above = MR_TRY(untrusted::find(root_, seen_as_, directory_.get(), place.directory, Links::refuse, false));
  const std::string temporary = ".tmp-" + random_hex(8);
  const auto discard = [&](Error error) {
    (void)::unlinkat(above.get(), temporary.c_str(), 0);
    return fail(std::move(error));
  };
  const Fd file(::openat(above.get(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) return fail(untrusted::error_at(root_, path, errno));
  if (::fchmod(file.get(), mode) != 0) return discard(untrusted::error_at(root_, path, errno));
  if (const Status filled = fill(file.get()); !filled) return discard(filled.error());
  if (::renameat(above.get(), temporary.c_str(), above.get(), place.name.c_str()) != 0) {
    if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST)
      return discard(Error(Code::failed_precondition, fmt::format("{} is a directory", (root_ / path).string())));
    return discard(untrusted::error_at(root_, path, errno));
  }
  return {};
}

Status UntrustedTree::rename(std::string_view from, const UntrustedTree& to, std::string_view to_path) const {
  const untrusted::Place source = MR_TRY(untrusted::split(from)), target = MR_TRY(untrusted::split(to_path));
  const Fd above = MR_TRY(untrusted::find(root_, seen_as_, directory_.get(), source.directory, Links::refuse, false));
  const Fd into =
      MR_TRY(untrusted::find(to.root_, to.seen_as_, to.directory_.get(), target.directory, Links::refuse, false));
  if (::renameat(above.get(), source.name.c_str(), into.get(), target.name.c_str()) != 0)
    return fail(untrusted::error_at(to.root_, to_path, errno));
  return {};
}

}  // namespace millrace
