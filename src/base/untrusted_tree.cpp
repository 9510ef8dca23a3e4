#include "base/untrusted_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <memory>

#include <fmt/core.h>

#include "base/ids.h"

namespace millrace {
namespace {

constexpr std::size_t kMaxComponents = 256;       // of a path, links resolved: each may cost a descriptor
constexpr int kMaxLinks = 40;                     // followed on one way, as the kernel's own limit
constexpr std::size_t kMaxNameBytes = 64u << 20;  // of one directory's names, held at once
constexpr std::size_t kMaxRemoved = 100'000'000;  // entries of one removal: a child that adds more is not waited for
constexpr std::size_t kCopyChunk = 1u << 20;

std::atomic<bool> openat2_works{true};

int openat2(int directory, const char* path, int flags) {
  struct open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

using Components = std::vector<std::string>;

Result<Components> components_of(std::string_view path) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::invalid_argument, fmt::format("\"{}\" is not a path in this directory: {}", path, why));
  };
  if (path.find('\0') != std::string_view::npos) return refuse("it has a NUL byte");
  if (path.starts_with('/')) return refuse("it is absolute");
  Components out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (name == "..") return refuse("it has a component \"..\"");
    if (name.empty() && !path.empty()) return refuse("it has an empty component");
    if (!name.empty() && name != ".") out.emplace_back(name);
    if (out.size() > kMaxComponents) return refuse("it has too many components");
  }
  return out;
}

std::string joined(const Components& components) {
  std::string out;
  for (const std::string& name : components) {
    if (!out.empty()) out += '/';
    out += name;
  }
  return out;
}

Error error_at(const std::filesystem::path& root, std::string_view path, int error) {
  const std::string place = path.empty() ? root.string() : (root / path).string();
  if (error == ELOOP)
    return Error(Code::failed_precondition, fmt::format("{} is a symbolic link, or lies behind one", place));
  if (error == EXDEV) return Error(Code::failed_precondition, fmt::format("{} leads out of its directory", place));
  if (error == ENAMETOOLONG) return Error(Code::invalid_argument, fmt::format("{}: the name is too long", place));
  return system_error(place, error);
}

// What `descriptor` (O_PATH) refers to, opened with `flags`; the kernel's own link to it is not at the child's
// disposal.
Fd reopen(const Fd& descriptor, int flags) {
  return Fd(::open(fmt::format("/proc/self/fd/{}", descriptor.get()).c_str(), flags | O_CLOEXEC));
}

FileInfo info_of(const struct stat& info) {
  FileInfo out;
  out.kind = S_ISREG(info.st_mode)   ? FileKind::regular
             : S_ISDIR(info.st_mode) ? FileKind::directory
             : S_ISLNK(info.st_mode) ? FileKind::symlink
                                     : FileKind::other;
  out.size = out.kind == FileKind::regular ? static_cast<std::uint64_t>(info.st_size) : 0;
  out.blocks = static_cast<std::uint64_t>(info.st_blocks);
  out.mode = info.st_mode & 07777;
  out.modified = info.st_mtim.tv_sec;
  return out;
}

// One way through a tree, component by component, each opened without following it. Links are resolved here, by their
// text.
class Resolver {
 public:
  Resolver(const std::filesystem::path& root, const std::string& seen_as, int directory, Links links)
      : root_(root), seen_as_(seen_as), directory_(directory), links_(links) {}

  // An O_PATH descriptor. `link_itself`: of the last component even if it is a link.
  Result<Fd> resolve(const Components& components, bool link_itself) {
    path_ = joined(components);
    pending_.assign(components.begin(), components.end());
    while (!pending_.empty()) {
      const std::string name = std::move(pending_.front());
      pending_.pop_front();
      if (name == "..") {
        if (way_.empty()) return fail(error_at(root_, path_, EXDEV));
        way_.pop_back();
        continue;
      }
      MR_TRY(step(name, link_itself && pending_.empty() && followed_ == 0));
    }
    if (!way_.empty()) return std::move(way_.back());
    Fd top(::openat(directory_, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!top) return fail(error_at(root_, path_, errno));
    return top;
  }

 private:
  Status step(const std::string& name, bool link_itself) {
    const int above = way_.empty() ? directory_ : way_.back().get();
    Fd next(::openat(above, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!next || ::fstat(next.get(), &info) != 0) return fail(error_at(root_, path_, errno));
    if (S_ISLNK(info.st_mode) && !link_itself) return follow(next);
    if (!S_ISDIR(info.st_mode) && !pending_.empty()) return fail(error_at(root_, path_, ENOTDIR));
    if (way_.size() == kMaxComponents) return fail(error_at(root_, path_, ENAMETOOLONG));
    way_.push_back(std::move(next));
    return {};
  }

  Status follow(const Fd& link) {
    if (links_ == Links::refuse || ++followed_ > kMaxLinks) return fail(error_at(root_, path_, ELOOP));
    char text[4096];
    const ssize_t size = ::readlinkat(link.get(), "", text, sizeof text);
    if (size <= 0 || static_cast<std::size_t>(size) == sizeof text) return fail(error_at(root_, path_, ELOOP));
    std::string_view target(text, static_cast<std::size_t>(size));
    if (target.starts_with('/')) {
      const bool inside = !seen_as_.empty() && target.starts_with(seen_as_) &&
                          (target.size() == seen_as_.size() || target[seen_as_.size()] == '/');
      if (!inside) return fail(error_at(root_, path_, EXDEV));
      target.remove_prefix(seen_as_.size());
      way_.clear();
    }
    Components parts;
    while (!target.empty()) {
      const std::size_t slash = std::min(target.find('/'), target.size());
      if (slash > 0 && target.substr(0, slash) != ".") parts.emplace_back(target.substr(0, slash));
      target.remove_prefix(std::min(slash + 1, target.size()));
    }
    if (parts.size() + pending_.size() > kMaxComponents) return fail(error_at(root_, path_, ENAMETOOLONG));
    pending_.insert(pending_.begin(), parts.begin(), parts.end());
    return {};
  }

  const std::filesystem::path& root_;
  const std::string& seen_as_;
  const int directory_;
  const Links links_;
  std::string path_;  // as asked for
  std::deque<std::string> pending_;
  std::vector<Fd> way_;
  int followed_ = 0;
};

// An O_PATH descriptor of `path`.
Result<Fd> find(const std::filesystem::path& root, const std::string& seen_as, int directory, std::string_view path,
                Links links, bool link_itself) {
  const Components components = MR_TRY(components_of(path));
  if (links == Links::refuse && openat2_works.load(std::memory_order_relaxed)) {
    const std::string clean = components.empty() ? "." : joined(components);
    Fd found(openat2(directory, clean.c_str(), O_PATH | (link_itself ? O_NOFOLLOW : 0)));
    if (found) return found;
    const bool missing_call = errno == ENOSYS || errno == EPERM || errno == E2BIG || errno == EAGAIN;
    if (!missing_call) return fail(error_at(root, path, errno));
    if (errno == ENOSYS) openat2_works = false;
  }
  return Resolver(root, seen_as, directory, links).resolve(components, link_itself);
}

Result<Fd> open_to_list(const std::filesystem::path& root, std::string_view path, const Fd& place) {
  Fd directory(::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) return directory;
  if (errno == ENOTDIR) {
    struct stat info{};
    if (::fstat(place.get(), &info) == 0)
      return fail(Code::failed_precondition,
                  fmt::format("{} is {}, not a directory", (root / path).string(), file_kind_name(info.st_mode)));
  }
  return fail(error_at(root, path, errno));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Listing = std::unique_ptr<DIR, CloseDirectory>;

Listing list_of(Fd directory) {
  DIR* listing = ::fdopendir(directory.get());
  if (listing != nullptr) (void)directory.release();
  return Listing(listing);
}

bool is_dots(const char* name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

Result<std::vector<std::string>> names_in(const std::filesystem::path& place, Fd directory, std::size_t most) {
  const Listing listing = list_of(std::move(directory));
  if (!listing) return fail(system_error(place.string(), errno));
  std::vector<std::string> names;
  std::size_t bytes = 0;
  while (true) {
    errno = 0;
    const struct dirent* entry = ::readdir(listing.get());
    if (entry == nullptr && errno != 0) return fail(system_error(place.string(), errno));
    if (entry == nullptr) break;
    if (is_dots(entry->d_name)) continue;
    names.emplace_back(entry->d_name);
    bytes += names.back().size() + sizeof(std::string);
    if (names.size() > most || bytes > kMaxNameBytes)
      return fail(Code::resource_exhausted,
                  fmt::format("{} has more than {} entries", place.string(), names.size() - 1));
  }
  std::sort(names.begin(), names.end());
  return names;
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

// --- removal --------------------------------------------------------------------------------------------------------

// A directory to be emptied, whatever its permissions are.
Fd open_to_empty(int above, const char* name) {
  const Fd place(::openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!place) return Fd();
  struct stat info{};
  if (::fstat(place.get(), &info) == 0 && (info.st_mode & S_IRWXU) != S_IRWXU)
    (void)::chmod(fmt::format("/proc/self/fd/{}", place.get()).c_str(), 0700);
  return Fd(::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

// Removes everything in one directory. What is deeper than one level is moved up first, so that no depth costs
// descriptors or stack.
class Emptying {
 public:
  Emptying(int top, const std::filesystem::path& place) : top_(top), place_(place), prefix_(".rm-" + random_hex(8)) {}

  Status run() {
    const Listing listing = list_of(Fd(::openat(top_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!listing) return fail(system_error("cannot list " + place_.string(), errno));
    while (true) {
      std::size_t found = 0;
      ::rewinddir(listing.get());
      while (const struct dirent* entry = ::readdir(listing.get())) {
        if (is_dots(entry->d_name)) continue;
        ++found;
        MR_TRY(remove(entry->d_name));
      }
      if (found == 0) return {};
    }
  }

 private:
  // ENOENT is success: somebody else removed it.
  static bool unlink(int directory, const char* name) {
    if (::unlinkat(directory, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    const int error = errno;
    if (::unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno == ENOTDIR) errno = error;
    return false;
  }

  Status remove(const char* name) {
    if (++removed_ > kMaxRemoved)
      return fail(Code::resource_exhausted, fmt::format("{} has too many entries to remove", place_.string()));
    if (unlink(top_, name)) return {};
    if (errno != ENOTEMPTY && errno != EEXIST)
      return fail(system_error("cannot remove " + (place_ / name).string(), errno));
    MR_TRY(flatten(name));
    if (!unlink(top_, name) && errno != ENOTEMPTY && errno != EEXIST)
      return fail(system_error("cannot remove " + (place_ / name).string(), errno));
    return {};
  }

  Status flatten(const char* name) {
    Fd directory = open_to_empty(top_, name);
    const int below = directory.get();
    const Listing listing = directory ? list_of(std::move(directory)) : Listing();
    if (!listing) return fail(system_error("cannot list " + (place_ / name).string(), errno));
    while (const struct dirent* entry = ::readdir(listing.get())) {
      if (is_dots(entry->d_name)) continue;
      if (++removed_ > kMaxRemoved)
        return fail(Code::resource_exhausted, fmt::format("{} has too many entries to remove", place_.string()));
      if (unlink(below, entry->d_name)) continue;
      if (errno != ENOTEMPTY && errno != EEXIST)
        return fail(system_error("cannot remove " + (place_ / name / entry->d_name).string(), errno));
      (void)open_to_empty(below, entry->d_name);  // a directory may be moved by who may write to it
      const std::string moved = fmt::format("{}-{}", prefix_, ++moved_);
      if (::renameat(below, entry->d_name, top_, moved.c_str()) != 0 && errno != ENOENT)
        return fail(system_error("cannot remove " + (place_ / name / entry->d_name).string(), errno));
    }
    return {};
  }

  const int top_;
  const std::filesystem::path& place_;
  const std::string prefix_;
  std::size_t removed_ = 0, moved_ = 0;
};

Status remove_entry(int above, const std::string& name, const std::filesystem::path& place) {
  if (::unlinkat(above, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail(system_error("cannot remove " + place.string(), errno));
  if (::unlinkat(above, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  if (errno != ENOTEMPTY && errno != EEXIST) return fail(system_error("cannot remove " + place.string(), errno));
  const Fd top = open_to_empty(above, name.c_str());
  if (!top) return fail(system_error("cannot open " + place.string(), errno));
  MR_TRY(Emptying(top.get(), place).run());
  if (::unlinkat(above, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail(system_error("cannot remove " + place.string(), errno));
  return {};
}

struct Place {
  std::string directory, name;
};
Result<Place> split(std::string_view path) {
  Components components = MR_TRY(components_of(path));
  if (components.empty()) return fail(Code::invalid_argument, "a file needs a name");
  Place out;
  out.name = std::move(components.back());
  components.pop_back();
  out.directory = joined(components);
  return out;
}

}  // namespace

void use_openat2_for_tests(bool use) { openat2_works = use; }

std::string_view file_kind_name(unsigned st_mode) {
  switch (st_mode & S_IFMT) {
    case S_IFREG:
      return "a file";
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symbolic link";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

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
    return fail(error_at(root, "", error));
  }
  while (seen_as.size() > 1 && seen_as.ends_with('/')) seen_as.pop_back();
  return UntrustedTree(root, std::move(seen_as), std::move(directory));
}

Result<UntrustedTree> UntrustedTree::open_tree(std::string_view path, Links links) const {
  Fd place = MR_TRY(find(root_, seen_as_, directory_.get(), path, links, false));
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return fail(error_at(root_, path, errno));
  if (!S_ISDIR(info.st_mode))
    return fail(Code::failed_precondition,
                fmt::format("{} is {}, not a directory", (root_ / path).string(), file_kind_name(info.st_mode)));
  std::string seen_as = seen_as_.empty() || path.empty() ? seen_as_ : fmt::format("{}/{}", seen_as_, path);
  return UntrustedTree(root_ / path, std::move(seen_as), std::move(place));
}

Result<std::optional<FileInfo>> UntrustedTree::info(std::string_view path, Links links) const {
  const auto place = find(root_, seen_as_, directory_.get(), path, links, links == Links::refuse);
  if (!place && place.error().code == Code::not_found) return std::optional<FileInfo>();
  if (!place) return fail(place.error());
  struct stat info{};
  if (::fstat(place->get(), &info) != 0) return fail(error_at(root_, path, errno));
  return std::optional(info_of(info));
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
  const Fd place = MR_TRY(find(root_, seen_as_, directory_.get(), path, links, false));
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return fail(error_at(root_, path, errno));
  if (!S_ISREG(info.st_mode))
    return fail(Code::failed_precondition,
                fmt::format("{} is {}, not a file", (root_ / path).string(), file_kind_name(info.st_mode)));
  Fd file = reopen(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return fail(error_at(root_, path, errno));
  return file;
}

Result<Fd> UntrustedTree::open_directory(std::string_view path, Links links) const {
  return open_to_list(root_, path, MR_TRY(find(root_, seen_as_, directory_.get(), path, links, false)));
}

Result<std::string> UntrustedTree::read(std::string_view path, std::size_t max_bytes, Links links) const {
  const Fd file = MR_TRY(open_file(path, links));
  const auto too_large = [&] {
    return fail(Code::resource_exhausted,
                fmt::format("{} is larger than {} bytes", (root_ / path).string(), max_bytes));
  };
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail(error_at(root_, path, errno));
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes) return too_large();
  std::string content(static_cast<std::size_t>(info.st_size) + 1, '\0');  // one more: it may grow while it is read
  std::size_t size = 0;
  while (true) {
    if (size == content.size()) content.resize(std::min(content.size() * 2, max_bytes + 1));
    const ssize_t n = ::read(file.get(), content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(error_at(root_, path, errno));
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
  if (::fstat(file.get(), &info) != 0) return fail(error_at(root_, path, errno));
  const std::size_t size = std::min(static_cast<std::size_t>(info.st_size), max_bytes);
  std::string content(size, '\0');
  const ssize_t n = ::pread(file.get(), content.data(), size, info.st_size - static_cast<off_t>(size));
  if (n < 0) return fail(error_at(root_, path, errno));
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
    if (!listed || ::fstat(listed.get(), &info) != 0) return fail(error_at(root_, frame.path, errno));
    frame.device = info.st_dev;
    frame.inode = info.st_ino;
    frame.names = MR_TRY(names_in(root_ / frame.path, std::move(listed), limits.entries - entries));
    frames.push_back(std::move(frame));
    return {};
  };
  const auto is_above = [&](const struct stat& info) {
    return std::any_of(frames.begin(), frames.end(),
                       [&](const Frame& f) { return f.device == info.st_dev && f.inode == info.st_ino; });
  };
  MR_TRY(enter(MR_TRY(open_directory(path, links)), joined(MR_TRY(components_of(path)))));
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
    if (!place || ::fstat(place.get(), &info) != 0) return fail(error_at(root_, entry.path, errno));
    if (S_ISLNK(info.st_mode) && links == Links::within) {
      auto target = find(root_, seen_as_, directory_.get(), entry.path, links, false);
      struct stat leads_to{};
      if (target && ::fstat(target->get(), &leads_to) == 0 &&
          (S_ISREG(leads_to.st_mode) || S_ISDIR(leads_to.st_mode)) && !is_above(leads_to)) {
        place = std::move(*target);
        info = leads_to;
      }
    }
    entry.info = info_of(info);
    bytes += entry.info.size;
    if (++entries > limits.entries)
      return fail(Code::resource_exhausted,
                  fmt::format("{} has more than {} entries", (root_ / path).string(), limits.entries));
    if (bytes > limits.bytes)
      return fail(Code::resource_exhausted,
                  fmt::format("{} has more than {} bytes", (root_ / path).string(), limits.bytes));
    MR_TRY(visit(entry));
    if (entry.info.kind == FileKind::directory)
      MR_TRY(enter(MR_TRY(open_to_list(root_, entry.path, place)), entry.path));
  }
  return {};
}

Result<std::vector<UntrustedTree::Entry>> UntrustedTree::list(std::string_view path, const Limits& limits) const {
  const Fd directory = MR_TRY(open_directory(path));
  Fd listed(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listed) return fail(error_at(root_, path, errno));
  const std::string prefix = joined(MR_TRY(components_of(path)));
  std::vector<Entry> out;
  for (const std::string& name : MR_TRY(names_in(root_ / path, std::move(listed), limits.entries))) {
    struct stat info{};
    if (::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    out.push_back({prefix.empty() ? name : prefix + '/' + name, info_of(info)});
  }
  return out;
}

Result<UntrustedTree::Copied> UntrustedTree::copy(std::string_view path, const UntrustedTree& to,
                                                  std::string_view to_path, Links links, Others others,
                                                  const Limits& limits) const {
  Copied copied;
  const auto copy_one = [&](std::string_view from, const UntrustedTree& target, std::string_view name) -> Status {
    const Fd file = MR_TRY(open_file(from, links));
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return fail(error_at(root_, from, errno));
    const std::uint64_t size = static_cast<std::uint64_t>(info.st_size);
    if (size > limits.bytes || copied.bytes > limits.bytes - size)
      return fail(Code::resource_exhausted,
                  fmt::format("{} has more than {} bytes", (root_ / path).string(), limits.bytes));
    MR_TRY(target.write(
        name, [&](int fd) { return copy_contents(file.get(), fd, info.st_size, target.root_ / name); },
        copied_mode(info_of(info))));
    copied.bytes += size;
    ++copied.files;
    return {};
  };
  const auto found = MR_TRY(info(path, links));
  if (!found) return fail(error_at(root_, path, ENOENT));
  if (found->kind != FileKind::directory) {
    MR_TRY(copy_one(path, to, to_path));
    return copied;
  }
  const Place place = MR_TRY(split(to_path));
  const std::string temporary =
      fmt::format("{}{}.tmp-{}", place.directory, place.directory.empty() ? "" : "/", random_hex(8));
  const std::string clean = joined(MR_TRY(components_of(path)));
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

Status UntrustedTree::make_directories(std::string_view path, unsigned mode) const {
  Fd at(::openat(directory_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at) return fail(error_at(root_, "", errno));
  for (const std::string& name : MR_TRY(components_of(path))) {
    const bool made = ::mkdirat(at.get(), name.c_str(), mode) == 0;
    if (!made && errno != EEXIST) return fail(error_at(root_, path, errno));
    Fd next(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) {
      struct stat info{};
      if ((errno == ENOTDIR || errno == ELOOP) && ::fstatat(at.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
        return fail(Code::failed_precondition,
                    fmt::format("{} cannot be made: {} is {}, not a directory", (root_ / path).string(), name,
                                file_kind_name(info.st_mode)));
      return fail(error_at(root_, path, errno));
    }
    at = std::move(next);
  }
  return {};
}

Result<bool> UntrustedTree::make_directory(const std::string& name, unsigned mode) const {
  if (MR_TRY(components_of(name)).size() != 1)
    return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of a directory", name));
  if (::mkdirat(directory_.get(), name.c_str(), mode) == 0) return true;
  if (errno == EEXIST) return false;
  return fail(error_at(root_, name, errno));
}

Status UntrustedTree::write(std::string_view path, std::string_view content, unsigned mode) const {
  return write(path, [&](int fd) { return write_all(fd, content, root_ / path); }, mode);
}

Status UntrustedTree::write(std::string_view path, const std::function<Status(int fd)>& fill, unsigned mode) const {
  const Place place = MR_TRY(split(path));
  const Fd above = MR_TRY(find(root_, seen_as_, directory_.get(), place.directory, Links::refuse, false));
  const std::string temporary = ".tmp-" + random_hex(8);
  const auto discard = [&](Error error) {
    (void)::unlinkat(above.get(), temporary.c_str(), 0);
    return fail(std::move(error));
  };
  const Fd file(::openat(above.get(), temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) return fail(error_at(root_, path, errno));
  if (::fchmod(file.get(), mode) != 0) return discard(error_at(root_, path, errno));
  if (const Status filled = fill(file.get()); !filled) return discard(filled.error());
  if (::renameat(above.get(), temporary.c_str(), above.get(), place.name.c_str()) != 0) {
    if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST)
      return discard(Error(Code::failed_precondition, fmt::format("{} is a directory", (root_ / path).string())));
    return discard(error_at(root_, path, errno));
  }
  return {};
}

Status UntrustedTree::rename(std::string_view from, const UntrustedTree& to, std::string_view to_path) const {
  const Place source = MR_TRY(split(from)), target = MR_TRY(split(to_path));
  const Fd above = MR_TRY(find(root_, seen_as_, directory_.get(), source.directory, Links::refuse, false));
  const Fd into = MR_TRY(find(to.root_, to.seen_as_, to.directory_.get(), target.directory, Links::refuse, false));
  if (::renameat(above.get(), source.name.c_str(), into.get(), target.name.c_str()) != 0)
    return fail(error_at(to.root_, to_path, errno));
  return {};
}

Status UntrustedTree::remove(std::string_view path) const {
  if (MR_TRY(components_of(path)).empty()) {
    const Fd top = open_to_empty(directory_.get(), ".");
    if (!top) return fail(error_at(root_, "", errno));
    return Emptying(top.get(), root_).run();
  }
  const Place place = MR_TRY(split(path));
  const auto above = find(root_, seen_as_, directory_.get(), place.directory, Links::refuse, false);
  if (!above && above.error().code == Code::not_found) return {};
  if (!above) return fail(above.error());
  return remove_entry(above->get(), place.name, root_ / path);
}

Status remove_tree(const std::filesystem::path& place) {
  const std::filesystem::path name = place.filename();
  if (name.empty() || name == "." || name == "..")
    return fail(Code::invalid_argument, fmt::format("{} names no entry of a directory", place.string()));
  const std::filesystem::path directory = place.has_parent_path() ? place.parent_path() : std::filesystem::path(".");
  const Fd above(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!above && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (!above) return fail(system_error("cannot open " + directory.string(), errno));
  return remove_entry(above.get(), name.native(), place);
}

}  // namespace millrace
