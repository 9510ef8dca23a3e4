#include "proc/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
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

std::string parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_within(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory ||
         (path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/');
}

bool write_text(const char* path, const std::string& text) noexcept {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
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

bool SandboxPlan::exists(const std::string& path) const {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

bool SandboxPlan::is_ours(const std::string& path) const {
  return std::find(ours_.begin(), ours_.end(), path) != ours_.end() ||
         std::find(made_.begin(), made_.end(), path) != made_.end();
}

// Binds what the machine has in `directory`, which is in memory in the new root.
void SandboxPlan::bind_entries(const std::string& directory, const std::string& except) {
  std::error_code error;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string path = entry.path().native();
    if (path == except || ++count > kMaxEntries) continue;
    if (entry.is_symlink(error)) {
      const auto target = std::filesystem::read_symlink(entry.path(), error);
      if (!error) before_.push_back({Step::Kind::symlink, root_ + path, target.native()});
    } else if (entry.is_directory(error)) {
      before_.push_back({Step::Kind::directory, root_ + path, ""});
      before_.push_back({Step::Kind::bind, root_ + path, path});
    } else if (entry.is_regular_file(error)) {
      before_.push_back({Step::Kind::file, root_ + path, ""});
      before_.push_back({Step::Kind::bind, root_ + path, path});
    }
  }
}

// A directory of the machine becomes one in memory with the same entries, so that others can be made in it.
void SandboxPlan::adopt(const std::string& directory, const std::string& except) {
  before_.push_back({Step::Kind::memory, root_ + directory, "mode=755"});
  ours_.push_back(directory);
  bind_entries(directory, except);
}

// Makes the directory `target` of the new root, and those above it.
void SandboxPlan::place(const std::string& target) {
  if (is_ours(target) || target == "/") return;
  // Below a directory of ours nothing of the machine shows, unless it was bound there.
  const std::string above = parent(target);
  if (!is_ours(above)) {
    struct stat info{};
    if (::stat(target.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      bool hidden = false;
      for (const std::string& covered : covered_) hidden = hidden || is_within(target, covered);
      for (const std::string& own : ours_) hidden = hidden || (own != "/" && is_within(target, own) && !exists(own));
      if (!hidden) return;
    }
    place(above);
    if (!is_ours(above)) adopt(above, target);
  }
  before_.push_back({Step::Kind::directory, root_ + target, ""});
  made_.push_back(target);
}

Result<SandboxPlan> SandboxPlan::make(const Sandbox& sandbox, const std::filesystem::path& root) {
  SandboxPlan plan;
  plan.flags_ = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  if (::geteuid() != 0) {
    plan.flags_ |= CLONE_NEWUSER;
    plan.uid_map_ = fmt::format("{} {} 1\n", ::geteuid(), ::geteuid());
    plan.gid_map_ = fmt::format("{} {} 1\n", ::getegid(), ::getegid());
  }
  plan.root_ = clean(root.native());
  plan.before_.push_back({Step::Kind::memory, plan.root_, "mode=755"});
  plan.ours_.push_back("/");
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/", error)) {
    const std::string path = entry.path().native();
    if (entry.is_symlink(error)) {
      const auto target = std::filesystem::read_symlink(entry.path(), error);
      if (!error) plan.before_.push_back({Step::Kind::symlink, plan.root_ + path, target.native()});
      continue;
    }
    if (!entry.is_directory(error)) continue;
    plan.before_.push_back({Step::Kind::directory, plan.root_ + path, ""});
    if (path == "/proc" || path == "/tmp" || path == "/run") continue;
    plan.before_.push_back({Step::Kind::bind, plan.root_ + path, path});
  }
  // Of /run only what name resolution needs: its sockets lead to services that obey this user.
  plan.ours_.push_back("/run");
  plan.made_.push_back("/tmp");
  if (plan.exists("/run/systemd/resolve")) {
    plan.before_.push_back({Step::Kind::directory, plan.root_ + "/run/systemd", ""});
    plan.before_.push_back({Step::Kind::directory, plan.root_ + "/run/systemd/resolve", ""});
    plan.before_.push_back({Step::Kind::bind, plan.root_ + "/run/systemd/resolve", "/run/systemd/resolve"});
    plan.made_.push_back("/run/systemd");
  }
  for (const auto& path : sandbox.hidden) {
    const std::string directory = clean(path.native());
    if (directory == "/" || directory == "/tmp" || !plan.exists(directory)) continue;
    if (is_within(directory, "/tmp")) {
      // Below the sandbox's own /tmp nothing of the machine is seen anyway.
      continue;
    }
    plan.before_.push_back({Step::Kind::memory, plan.root_ + directory, "mode=755"});
    plan.made_.push_back(directory);
    plan.covered_.push_back(directory);
  }
  plan.after_.push_back({{Step::Kind::memory, plan.root_ + "/tmp", "mode=1777"}, false});
  plan.after_.push_back({{Step::Kind::memory, plan.root_ + "/dev/shm", "mode=1777"}, false});
  for (const Mount& mount : sandbox.mounts) {
    const std::string target = clean(mount.target);
    if (target.empty() || target.front() != '/' || target == "/")
      return fail(Code::invalid_argument, fmt::format("\"{}\" is no place to mount at", mount.target));
    const bool in_tmp = is_within(target, "/tmp") && target != "/tmp";
    if (in_tmp) {
      // The sandbox's /tmp is made late, and so is what stands in it.
      std::vector<std::string> path;
      for (std::string at = target; at != "/tmp"; at = parent(at)) path.push_back(at);
      const bool is_file =
          mount.kind == Mount::Kind::read_only && std::filesystem::is_regular_file(mount.source, error);
      for (auto at = path.rbegin(); at != path.rend(); ++at) {
        const auto kind = is_file && *at == target ? Step::Kind::file : Step::Kind::directory;
        plan.after_.push_back({{kind, plan.root_ + *at, ""}, false});
      }
    } else {
      plan.place(target);
    }
    switch (mount.kind) {
      case Mount::Kind::writable:
      case Mount::Kind::read_only:
        plan.after_.push_back(
            {{Step::Kind::bind, plan.root_ + target, mount.source.native()}, mount.kind == Mount::Kind::read_only});
        break;
      case Mount::Kind::memory:
        plan.after_.push_back(
            {{Step::Kind::memory, plan.root_ + target,
              mount.size_bytes == 0 ? "mode=1777" : fmt::format("mode=1777,size={}", mount.size_bytes)},
             false});
        break;
      case Mount::Kind::files:
        plan.after_.push_back({{Step::Kind::memory, plan.root_ + target, "mode=755"}, false});
        for (const auto& [name, bytes] : mount.files) {
          if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
            return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of a file", name));
          plan.after_.push_back({{Step::Kind::file, plan.root_ + target + "/" + name, bytes}, false});
        }
        plan.after_.push_back({{Step::Kind::seal, plan.root_ + target, ""}, false});
        break;
    }
  }
  return plan;
}

const char* SandboxPlan::enter() const noexcept {
  if (!uid_map_.empty()) {
    if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", uid_map_) ||
        !write_text("/proc/self/gid_map", gid_map_))
      return "cannot enter a user namespace";
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "cannot enter a mount namespace";
  const auto perform = [](const Step& step) noexcept -> const char* {
    const char* target = step.target.c_str();
    switch (step.kind) {
      case Step::Kind::directory:
        return ::mkdir(target, 0755) == 0 || errno == EEXIST ? nullptr : "cannot make a directory of the sandbox";
      case Step::Kind::symlink:
        return ::symlink(step.source.c_str(), target) == 0 ? nullptr : "cannot make a link of the sandbox";
      case Step::Kind::bind:
        return ::mount(step.source.c_str(), target, nullptr, MS_BIND | MS_REC, nullptr) == 0
                   ? nullptr
                   : "cannot mount a directory into the sandbox";
      case Step::Kind::memory:
        return ::mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, step.source.c_str()) == 0
                   ? nullptr
                   : "cannot mount a directory in memory";
      case Step::Kind::file: {
        const int file = ::open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
        if (file < 0) return "cannot make a file of the sandbox";
        const bool written =
            ::write(file, step.source.data(), step.source.size()) == static_cast<ssize_t>(step.source.size());
        ::close(file);
        return written ? nullptr : "cannot write a file of the sandbox";
      }
      case Step::Kind::seal:
        break;
    }
    return make_read_only(target, 0) ? nullptr : "cannot make a directory of the sandbox read-only";
  };
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
