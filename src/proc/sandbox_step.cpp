#include "proc/sandbox_step.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace millrace::proc {
namespace {

constexpr char kNoPart[] = "cannot mount a part of a directory into the sandbox: there is none, or a link leads to it";

// Closes what it holds and leaves errno as it is.
class Held {
 public:
  explicit Held(long fd) noexcept : fd_(static_cast<int>(fd)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    errno = error;
  }
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

long open_through_no_link(int base, const char* path, unsigned long long flags, unsigned long long resolve) noexcept {
  struct open_how how{};
  how.flags = O_PATH | O_CLOEXEC | flags;
  how.resolve = resolve;
  return ::syscall(SYS_openat2, base, path, &how, sizeof how);
}

bool set_attributes(int directory, const char* path, unsigned flags, unsigned long long attributes) noexcept {
  struct mount_attr attr{};
  attr.attr_set = attributes;
  return ::syscall(SYS_mount_setattr, directory, path, flags, &attr, sizeof attr) == 0;
}

// In the child's own mount namespace: what is opened in another one cannot be mounted.
const char* bind_below(const Step& step, const StepContext& context) noexcept {
  const Held base(::open(step.source.c_str(), O_PATH | O_CLOEXEC));
  if (!base) return "cannot mount a directory into the sandbox";
  const char* below = step.below.empty() ? nullptr : step.below.c_str();
  const Held part(
      below == nullptr
          ? -1
          : open_through_no_link(base.get(), below, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
  if (below != nullptr && !part) return kNoPart;
  const int from = below == nullptr ? base.get() : part.get();
  if (step.gives && context.user != 0 &&
      ::fchownat(from, "", context.user, context.group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0)
    return "cannot give a directory of the sandbox to the child's user";
  const Held tree(
      ::syscall(SYS_open_tree, from, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
  if (!tree) return "cannot mount a directory into the sandbox";
  const unsigned long long attributes =
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (step.read_only ? MOUNT_ATTR_RDONLY : 0ULL);
  if (!set_attributes(tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, attributes))
    return "cannot make a directory of the sandbox read-only";
  if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, step.target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return "cannot mount a directory into the sandbox";
  return nullptr;
}

bool make_file(int directory, const char* name, const std::string& bytes) noexcept {
  const Held file(::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444));
  return file && ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

// Made where that is allowed, since a mount for each would be copied with every child; else the machine's own.
const char* make_node(const Step& step, const StepContext& context) noexcept {
  struct stat info{};
  const char* target = step.target.c_str();
  if (::stat(step.source.c_str(), &info) != 0) return nullptr;  // the machine has none
  if (context.is_root && ::mknod(target, S_IFCHR, info.st_rdev) == 0)
    return ::chmod(target, 0666) == 0 ? nullptr : "cannot make a device of the sandbox";
  if (!make_file(AT_FDCWD, target, {})) return "cannot make a device of the sandbox";
  if (::mount(step.source.c_str(), target, nullptr, MS_BIND, nullptr) != 0)
    return "cannot make a device of the sandbox";
  return nullptr;
}

const char* perform_at(const Step& step, const StepContext& context, int above, const char* name) noexcept {
  const char* target = step.target.c_str();
  switch (step.kind) {
    case Step::Kind::directory:
      return ::mkdirat(above, name, 0755) == 0 || errno == EEXIST ? nullptr : "cannot make a directory of the sandbox";
    case Step::Kind::symlink:
      return ::symlink(step.source.c_str(), target) == 0 ? nullptr : "cannot make a link of the sandbox";
    case Step::Kind::file:
      // Of a place to mount at, another child that shares the directory may have made it.
      return make_file(above, name, step.source) || (errno == EEXIST && step.source.empty())
                 ? nullptr
                 : "cannot make a file of the sandbox";
    case Step::Kind::node:
      return make_node(step, context);
    case Step::Kind::bind:
      return ::mount(step.source.c_str(), target, nullptr, MS_BIND | MS_REC, nullptr) == 0
                 ? nullptr
                 : "cannot mount a directory into the sandbox";
    case Step::Kind::bind_below:
      return bind_below(step, context);
    case Step::Kind::memory:
      return ::mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, step.source.c_str()) == 0
                 ? nullptr
                 : "cannot mount a directory in memory";
    case Step::Kind::devices:
      return ::mount("tmpfs", target, "tmpfs", MS_NOSUID, step.source.c_str()) == 0
                 ? nullptr
                 : "cannot mount a directory in memory";
    case Step::Kind::blank:
      return ::mount("/dev/null", target, nullptr, MS_BIND, nullptr) == 0 ? nullptr
                                                                          : "cannot hide a file from the sandbox";
    case Step::Kind::seal:
      return restrict_mount(target, Access::read_only, false) ? nullptr
                                                              : "cannot make a directory of the sandbox read-only";
  }
  return "an unknown step";
}

}  // namespace

const char* perform(const Step& step, const StepContext& context) noexcept {
  const char* target = step.target.c_str();
  if (step.above.empty()) return perform_at(step, context, AT_FDCWD, target);
  // A task may put links into a volume while another one's sandbox is laid out: none is followed.
  const Held above(open_through_no_link(AT_FDCWD, step.above.c_str(), O_DIRECTORY, RESOLVE_NO_SYMLINKS));
  if (!above) return "cannot open the directory above a mount in the sandbox";
  return perform_at(step, context, above.get(), target + step.above.size() + 1);
}

bool restrict_mount(const char* path, Access access, bool recursive) noexcept {
  unsigned long long attributes = MOUNT_ATTR_NOSUID;
  if (access != Access::read_only_with_devices) attributes |= MOUNT_ATTR_NODEV;
  if (access != Access::no_set_user) attributes |= MOUNT_ATTR_RDONLY;
  return set_attributes(AT_FDCWD, path, recursive ? AT_RECURSIVE : 0, attributes);
}

}  // namespace millrace::proc
