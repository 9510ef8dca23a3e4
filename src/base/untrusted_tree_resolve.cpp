// From a path to a descriptor: what is found is opened, and nothing is followed that may not be.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>

#include <fmt/core.h>

#include "base/untrusted_tree_parts.h"

namespace millrace {
namespace untrusted {
namespace {

constexpr int kMaxLinks = 40;                     // followed on one way, as the kernel's own limit
constexpr std::size_t kMaxNameBytes = 64u << 20;  // of one directory's names, held at once

std::atomic<bool> openat2_works{true};

int openat2(int directory, const char* path, int flags) {
  struct open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

}  // namespace

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

Result<Place> split(std::string_view path) {
  Components components = MR_TRY(components_of(path));
  if (components.empty()) return fail(Code::invalid_argument, "a file needs a name");
  Place out;
  out.name = std::move(components.back());
  components.pop_back();
  out.directory = joined(components);
  return out;
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

namespace {

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

}  // namespace

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

Listing list_of(Fd directory) {
  DIR* listing = ::fdopendir(directory.get());
  if (listing != nullptr) (void)directory.release();
  return Listing(listing);
}

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

}  // namespace untrusted

void use_openat2_for_tests(bool use) { untrusted::openat2_works = use; }

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

}  // namespace millrace
