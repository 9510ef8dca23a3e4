#include "proc/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fmt/core.h>

#include "base/file.h"

namespace millrace::proc {
namespace {

constexpr std::size_t kMaxEntries = 4'096;  // of a directory that is made anew

// What container runtimes leave to a container's root.
constexpr std::uint64_t kKeptCapabilities = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FSETID |
                                            1ULL << CAP_FOWNER | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID |
                                            1ULL << CAP_SETFCAP | 1ULL << CAP_SETPCAP | 1ULL << CAP_NET_BIND_SERVICE |
                                            1ULL << CAP_SYS_CHROOT | 1ULL << CAP_KILL | 1ULL << CAP_AUDIT_WRITE;

std::string clean(const std::string& path) {
  std::string out = std::filesystem::path(path).lexically_normal().native();
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

// The place that `path` leads to once the links on its way are followed, as far as the machine has them.
std::string resolved(const std::string& path) {
  // Of what is there the kernel knows it, in three calls instead of some for each name on the way.
  if (const Fd there(::open(path.c_str(), O_PATH | O_CLOEXEC)); there) {
    char place[4096];
    const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", there.get()).c_str(), place, sizeof place);
    if (size > 0 && static_cast<std::size_t>(size) < sizeof place && place[0] == '/')
      return std::string(place, static_cast<std::size_t>(size));
  }
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(path), error);
  return clean(error ? path : canonical.native());
}

// What lies in a directory comes after it, and before its neighbours.
bool comes_before(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return (x == '/' ? 0 : static_cast<unsigned char>(x)) < (y == '/' ? 0 : static_cast<unsigned char>(y));
  });
}

std::string parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_within(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory ||
         (path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/');
}

struct TopLevelEntry {
  std::string path;
  std::string link;  // where it leads; empty: a directory
};

// The directories and links at the machine's root. Read again when that directory has changed.
const std::vector<TopLevelEntry>& top_level() {
  static thread_local std::vector<TopLevelEntry> entries;
  static thread_local struct stat seen{};
  struct stat now{};
  const bool known = ::stat("/", &now) == 0 && now.st_dev == seen.st_dev && now.st_ino == seen.st_ino &&
                     now.st_mtim.tv_sec == seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec;
  if (known) return entries;
  seen = now;
  entries.clear();
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/", error)) {
    if (entry.is_symlink(error)) {
      const auto link = std::filesystem::read_symlink(entry.path(), error);
      if (!error) entries.push_back({entry.path().native(), link.native()});
    } else if (entry.is_directory(error)) {
      entries.push_back({entry.path().native(), ""});
    }
  }
  return entries;
}

bool write_text(const char* path, const std::string& text) noexcept {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
}

// A task may have put links into a volume while another one's sandbox is laid out: none is followed.
int open_without_links(const char* directory) noexcept {
  struct open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, directory, &how, sizeof how));
}

// In the child's own mount namespace, or the mount would be another's. Returns what failed, with errno set.
const char* bind_below(const char* source, const char* below, const char* target) noexcept {
  struct open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const int base = ::open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int found = base < 0 ? -1 : static_cast<int>(::syscall(SYS_openat2, base, below, &how, sizeof how));
  const int tree =
      found < 0 ? -1
                : static_cast<int>(::syscall(SYS_open_tree, found, "",
                                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE));
  const bool mounted = tree >= 0 && ::syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) == 0;
  const int error = errno;
  for (const int file : {base, found, tree}) {
    if (file >= 0) ::close(file);
  }
  errno = error;
  if (mounted) return nullptr;
  return found < 0 ? "cannot mount a part of a directory into the sandbox: there is none, or a link leads to it"
                   : "cannot mount a part of a directory into the sandbox";
}

bool make_read_only(const char* path, unsigned flags) noexcept {
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
  return ::syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof attributes) == 0;
}

bool drop_capabilities() noexcept {
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if ((kKeptCapabilities >> capability & 1) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL) return false;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct now[2]{}, data[2]{};
  if (::syscall(SYS_capget, &header, now) != 0) return false;
  for (int half = 0; half < 2; ++half) {
    const auto kept = static_cast<std::uint32_t>(kKeptCapabilities >> (32 * half));
    data[half].permitted = data[half].effective = now[half].permitted & kept;
    data[half].inheritable = 0;
  }
  return ::syscall(SYS_capset, &header, data) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

}  // namespace

bool SandboxPlan::is_ours(const std::string& path) const {
  const auto found = ground_.find(path);
  return found != ground_.end() && found->second != Ground::machine;
}

bool SandboxPlan::shows_machine(const std::string& path) const {
  for (std::string at = path;; at = parent(at)) {
    if (const auto found = ground_.find(at); found != ground_.end()) return found->second != Ground::ours;
  }
}

// A directory of the machine becomes one in memory with the same entries, so that others can be made in it.
void SandboxPlan::adopt(const std::string& directory) {
  ground_[directory] = Ground::adopted;
  before_.push_back({Step::Kind::memory, root_ + directory, "mode=755", ""});
  std::error_code error;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string path = entry.path().native();
    if (++count > kMaxEntries) break;
    const bool covered = ground_.contains(path);
    if (entry.is_symlink(error)) {
      const auto target = std::filesystem::read_symlink(entry.path(), error);
      if (!error && !covered) before_.push_back({Step::Kind::symlink, root_ + path, target.native(), ""});
      continue;
    }
    const bool is_directory = entry.is_directory(error);
    if (!is_directory && !entry.is_regular_file(error)) continue;
    before_.push_back({is_directory ? Step::Kind::directory : Step::Kind::file, root_ + path, "", ""});
    if (!covered) before_.push_back({Step::Kind::bind, root_ + path, path, ""});
  }
}

// Makes the directory `target` of the new root, and those above it.
void SandboxPlan::place(const std::string& target) {
  if (is_ours(target)) return;
  struct stat info{};
  if (shows_machine(target) && ::stat(target.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return;
  const std::string above = parent(target);
  place(above);
  ground_[target] = Ground::ours;
  if (!is_ours(above)) adopt(above);
  before_.push_back({Step::Kind::directory, root_ + target, "", ""});
}

// Makes an empty file there, for a file to be mounted on.
void SandboxPlan::place_file(const std::string& target) {
  if (shows_machine(target) && ::access(target.c_str(), F_OK) == 0) return;
  const std::string above = parent(target);
  place(above);
  if (!is_ours(above)) adopt(above);
  ground_[target] = Ground::ours;
  before_.push_back({Step::Kind::file, root_ + target, "", ""});
}

// Makes the way from `above`, which is filled late, to `target` in it.
void SandboxPlan::place_late(const std::string& target, const std::string& above, bool is_file) {
  std::vector<std::string> way;
  for (std::string at = target; at != above; at = parent(at)) way.push_back(at);
  for (auto at = way.rbegin(); at != way.rend(); ++at) {
    const auto kind = is_file && *at == target ? Step::Kind::file : Step::Kind::directory;
    after_.push_back({{kind, root_ + *at, "", root_ + parent(*at)}, false});
  }
}

// The machine's top level, without what is private to its user's sessions.
void SandboxPlan::start() {
  before_.push_back({Step::Kind::memory, root_, "mode=755", ""});
  ground_["/"] = Ground::adopted;
  std::error_code error;
  for (const auto& [path, link] : top_level()) {
    if (!link.empty()) {
      before_.push_back({Step::Kind::symlink, root_ + path, link, ""});
      continue;
    }
    before_.push_back({Step::Kind::directory, root_ + path, "", ""});
    if (path == "/proc" || path == "/tmp" || path == "/run") {
      ground_[path] = Ground::ours;
    } else {
      before_.push_back({Step::Kind::bind, root_ + path, path, ""});
    }
  }
  // Of /run only what name resolution needs: its sockets lead to services that obey this user.
  const std::string names = "/run/systemd/resolve";
  if (std::filesystem::is_directory(names, error)) {
    place(names);
    ground_[names] = Ground::machine;
    before_.push_back({Step::Kind::bind, root_ + names, names, ""});
  }
}

void SandboxPlan::hide(const std::string& path) {
  struct stat info{};
  if (path == "/" || !shows_machine(path) || ::lstat(path.c_str(), &info) != 0) return;
  ground_[path] = Ground::ours;
  if (S_ISDIR(info.st_mode)) {
    before_.push_back({Step::Kind::memory, root_ + path, "mode=755", ""});
  } else {
    before_.push_back({Step::Kind::blank, root_ + path, "", ""});
  }
}

Status SandboxPlan::mount(const Mount& mount) {
  const std::string& target = mount.target;
  std::error_code error;
  const auto late = std::find_if(mounted_.rbegin(), mounted_.rend(),
                                 [&](const std::string& at) { return target != at && is_within(target, at); });
  // Only asked for what is to be made there: what is mounted is found when the child starts.
  const bool is_file =
      mount.kind == Mount::Kind::read_only &&
      std::filesystem::is_regular_file(mount.below.empty() ? mount.source : mount.source / mount.below, error);
  if (late != mounted_.rend()) {
    place_late(target, *late, is_file);
  } else if (is_file) {
    place_file(target);
  } else {
    place(target);
  }
  mounted_.push_back(target);
  switch (mount.kind) {
    case Mount::Kind::writable:
    case Mount::Kind::read_only:
      after_.push_back({{Step::Kind::bind, root_ + target, mount.source.native(), "", mount.below.native()},
                        mount.kind == Mount::Kind::read_only});
      break;
    case Mount::Kind::memory:
      after_.push_back({{Step::Kind::memory, root_ + target,
                         mount.size_bytes == 0 ? "mode=1777" : fmt::format("mode=1777,size={}", mount.size_bytes), ""},
                        false});
      break;
    case Mount::Kind::files:
      after_.push_back({{Step::Kind::memory, root_ + target, "mode=755", ""}, false});
      for (const auto& [name, bytes] : mount.files) {
        if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
          return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of a file", name));
        after_.push_back({{Step::Kind::file, root_ + target + "/" + name, bytes, root_ + target}, false});
      }
      after_.push_back({{Step::Kind::seal, root_ + target, "", ""}, false});
      break;
  }
  return {};
}

Result<SandboxPlan> SandboxPlan::make(const Sandbox& sandbox, const std::filesystem::path& root) {
  SandboxPlan plan;
  plan.flags_ = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  if (::geteuid() != 0) {
    plan.flags_ |= CLONE_NEWUSER;
    plan.uid_map_ = fmt::format("{} {} 1\n", ::geteuid(), ::geteuid());
    plan.gid_map_ = fmt::format("{} {} 1\n", ::getegid(), ::getegid());
  }
  plan.root_ = resolved(root.native());
  plan.start();
  for (const auto& path : sandbox.hidden) plan.hide(resolved(path.native()));
  std::vector<Mount> mounts = {{Mount::Kind::memory, {}, "/dev/shm", 0, {}}, {Mount::Kind::memory, {}, "/tmp", 0, {}}};
  const auto first = [](const Mount& a, const Mount& b) { return comes_before(a.target, b.target); };
  for (Mount mount : sandbox.mounts) {
    const std::string target = clean(mount.target);
    if (target.empty() || target.front() != '/' || target == "/")
      return fail(Code::invalid_argument, fmt::format("\"{}\" is no place to mount at", mount.target));
    // What the machine has below /tmp is not seen in the sandbox, and neither are its links.
    mount.target = is_within(target, "/tmp") ? target : resolved(target);
    mounts.insert(std::upper_bound(mounts.begin(), mounts.end(), mount, first), std::move(mount));
  }
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const bool covered = i + 1 < mounts.size() && mounts[i + 1].target == mounts[i].target;
    if (!covered) MR_TRY(plan.mount(mounts[i]));
  }
  std::sort(plan.before_.begin(), plan.before_.end(), [](const Step& a, const Step& b) {
    if (a.target != b.target) return comes_before(a.target, b.target);
    return a.kind < b.kind;
  });
  return plan;
}

const char* SandboxPlan::perform(const Step& step) noexcept {
  const char* target = step.target.c_str();
  const bool among_others = !step.above.empty();
  const int above = among_others ? open_without_links(step.above.c_str()) : AT_FDCWD;
  if (among_others && above < 0) return "cannot open the directory above a mount in the sandbox";
  const char* name = among_others ? target + step.above.size() + 1 : target;
  const char* failed = nullptr;
  switch (step.kind) {
    case Step::Kind::directory:
      if (::mkdirat(above, name, 0755) != 0 && errno != EEXIST) failed = "cannot make a directory of the sandbox";
      break;
    case Step::Kind::symlink:
      if (::symlink(step.source.c_str(), target) != 0) failed = "cannot make a link of the sandbox";
      break;
    case Step::Kind::bind:
      if (!step.below.empty())
        failed = bind_below(step.source.c_str(), step.below.c_str(), target);
      else if (::mount(step.source.c_str(), target, nullptr, MS_BIND | MS_REC, nullptr) != 0)
        failed = "cannot mount a directory into the sandbox";
      break;
    case Step::Kind::blank:
      if (::mount("/dev/null", target, nullptr, MS_BIND, nullptr) != 0) failed = "cannot hide a file from the sandbox";
      break;
    case Step::Kind::memory:
      if (::mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, step.source.c_str()) != 0)
        failed = "cannot mount a directory in memory";
      break;
    case Step::Kind::file: {
      const int file = ::openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
      const bool written = file >= 0 && ::write(file, step.source.data(), step.source.size()) ==
                                            static_cast<ssize_t>(step.source.size());
      if (!written) failed = "cannot make a file of the sandbox";
      if (file >= 0) ::close(file);
      break;
    }
    case Step::Kind::seal:
      if (!make_read_only(target, 0)) failed = "cannot make a directory of the sandbox read-only";
      break;
  }
  if (among_others) {
    const int error = errno;
    ::close(above);
    errno = error;
  }
  return failed;
}

const char* SandboxPlan::enter() const noexcept {
  if (!uid_map_.empty()) {
    if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", uid_map_) ||
        !write_text("/proc/self/gid_map", gid_map_))
      return "cannot enter a user namespace";
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "cannot enter a mount namespace";
  for (const Step& step : before_) {
    if (const char* failed = perform(step)) return failed;
  }
  if (!make_read_only(root_.c_str(), AT_RECURSIVE)) return "cannot make the sandbox read-only";
  for (const Late& late : after_) {
    if (const char* failed = perform(late.step)) return failed;
    if (late.read_only && !make_read_only(late.step.target.c_str(), AT_RECURSIVE))
      return "cannot make a directory of the sandbox read-only";
  }
  if (::chdir(root_.c_str()) != 0) return "cannot enter the sandbox";
  if (::mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return "cannot mount /proc in the sandbox";
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return "cannot make the sandbox the root";
  if (::umount2(".", MNT_DETACH) != 0) return "cannot leave the machine's own root";
  (void)::sethostname("millrace", 8);
  if (!drop_capabilities()) return "cannot drop capabilities";
  return nullptr;
}

}  // namespace millrace::proc
