#include "proc/sandbox.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/core.h>

#include "base/log.h"

namespace millrace::proc {
namespace {

// What container engines mask of /proc: it is everybody's to read there, and tells of the whole machine.
constexpr const char* kMaskedOfProc[] = {"kcore",       "keys",          "timer_list", "sched_debug",
                                         "timer_stats", "latency_stats", "interrupts", "kallsyms"};
// Of a /proc that may be written to.
constexpr const char* kReadOnlyOfProc[] = {"proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus",
                                           "proc/fs",  "proc/acpi",          "proc/scsi"};

// Those that a user who is not root could read here.
const std::vector<std::string>& masked_of_proc() {
  static const std::vector<std::string> masked = [] {
    std::vector<std::string> out;
    struct stat info{};
    for (const char* name : kMaskedOfProc) {
      const bool readable = ::stat(fmt::format("/proc/{}", name).c_str(), &info) == 0 && (info.st_mode & 0004) != 0;
      if (readable) out.push_back(fmt::format("proc/{}", name));
    }
    return out;
  }();
  return masked;
}

bool write_text(const char* path, const std::string& text) noexcept {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
}

// A network namespace begins with a loopback that is down.
bool start_loopback() noexcept {
  struct ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool up = socket >= 0 && ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
  if (socket >= 0) ::close(socket);
  return up;
}

std::vector<std::string> resolved(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::string> out;
  for (const auto& path : paths) out.push_back(resolved_path(path.native()));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Those that lie in none of the others: children that differ in such have one base.
std::vector<std::string> outermost(const std::vector<std::string>& sorted) {
  std::vector<std::string> out;
  for (const auto& path : sorted) {
    const bool lies_in_one = std::ranges::any_of(out, [&](const std::string& one) { return is_within(path, one); });
    if (!lies_in_one) out.push_back(path);
  }
  return out;
}

// Where a directory on the way is closed to other users, the child's cannot go through it: it is hidden as a whole
// then, of which they see nothing anyway. What the child is given in it is mounted in directories of the sandbox's own.
std::string closed_above(const std::string& path, const ChildUser& user) {
  struct stat info{};
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string above = path.substr(0, end);
    if (::stat(above.c_str(), &info) != 0) break;
    if ((info.st_mode & S_IXOTH) == 0 && info.st_uid != user.user) return above;
  }
  return path;
}

// Only asked for what is to be made there: what is mounted is found when the child starts.
bool mounts_file(const Mount& mount) {
  std::error_code error;
  return mount.kind == Mount::Kind::read_only &&
         std::filesystem::is_regular_file(mount.below.empty() ? mount.source : mount.source / mount.below, error);
}

std::string memory_options(std::uint64_t size_bytes) {
  return size_bytes == 0 ? "mode=1777" : fmt::format("mode=1777,size={}", size_bytes);
}

// A mount as the sandbox makes it: its target without links of the machine's.
Result<Mount> checked(Mount mount) {
  const std::string target = clean_path(mount.target);
  if (target.empty() || target.front() != '/' || target == "/")
    return fail(Code::invalid_argument, fmt::format("\"{}\" is no place to mount at", mount.target));
  for (const char* own : {"/proc", "/dev"}) {
    if (is_within(target, own) && !is_within(target, "/dev/shm"))
      return fail(Code::invalid_argument, fmt::format("nothing can be mounted at {}", target));
  }
  const bool leads_out =
      mount.below.is_absolute() || std::ranges::find(mount.below, std::filesystem::path("..")) != mount.below.end();
  if (leads_out)
    return fail(Code::invalid_argument, fmt::format("\"{}\" is not a part of a directory", mount.below.native()));
  // What the machine has below /tmp is not seen in the sandbox, and neither are its links.
  mount.target = is_within(target, "/tmp") ? target : resolved_path(target);
  return mount;
}

// All mounts, each after those that it lies in.
Result<std::vector<Mount>> ordered_mounts(const Sandbox& sandbox) {
  std::vector<Mount> mounts = {{Mount::Kind::memory, {}, "/dev/shm", kSharedMemoryBytes, {}},
                               {Mount::Kind::memory, {}, "/tmp", kTemporaryBytes, {}}};
  const auto first = [](const Mount& a, const Mount& b) { return comes_before(a.target, b.target); };
  const auto insert = [&](Mount mount) {
    mounts.insert(std::upper_bound(mounts.begin(), mounts.end(), mount, first), std::move(mount));
  };
  for (const auto& program : sandbox.programs) {
    // Of the machine's /tmp nothing is seen.
    if (is_within(program.native(), "/tmp")) insert({Mount::Kind::read_only, program, program.native(), 0, {}});
  }
  for (const Mount& mount : sandbox.mounts) insert(MR_TRY(checked(mount)));
  return mounts;
}

SandboxBaseKey base_key(const Sandbox& sandbox, const std::vector<std::string>& hidden,
                        const std::optional<ChildUser>& user) {
  SandboxBaseKey key{outermost(hidden), resolved(sandbox.programs), {}, {}};
  if (user) {
    for (auto& path : key.hidden) path = closed_above(path, *user);
    std::sort(key.hidden.begin(), key.hidden.end());
    key.hidden = outermost(key.hidden);
  }
  std::erase_if(key.programs, [](const std::string& program) { return is_within(program, "/tmp"); });
  return key;
}

// Places of mounts that the base has not: of most steps these are the same few, and so is the base; what lies in them
// is the child's own.
void add_missing_places(const SandboxBase& base, const std::vector<Mount>& mounts, SandboxBaseKey& key) {
  for (const Mount& mount : mounts) {
    const std::string& target = mount.target;
    const bool late = std::ranges::any_of(
        mounts, [&](const Mount& other) { return other.target != target && is_within(target, other.target); });
    if (late || !base.blank_above(target).empty()) continue;
    const bool is_file = mounts_file(mount);
    if (is_file ? base.has_file(target) : base.has_directory(target)) continue;
    std::string missing = base.missing_for(target);
    auto& places = is_file && missing == target ? key.file_places : key.places;
    if (std::ranges::find(places, missing) == places.end()) places.push_back(std::move(missing));
  }
  std::sort(key.places.begin(), key.places.end());
  std::sort(key.file_places.begin(), key.file_places.end());
}

}  // namespace

bool enter_own_mount_namespace() {
  return ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0;
}

SandboxBases::SandboxBases(std::filesystem::path root, bool in_own_namespace)
    : root_(resolved_path(root.native())),
      in_own_namespace_(in_own_namespace),
      mounts_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

bool SandboxBases::machine_has_changed() {
  struct stat top{};
  const std::int64_t changed = ::stat("/", &top) == 0 ? top.st_mtim.tv_sec * 1'000'000'000 + top.st_mtim.tv_nsec : 0;
  const bool other_top = std::exchange(top_changed_, changed) != changed;
  pollfd mounts{mounts_.get(), POLLPRI, 0};
  const bool other_mounts = !mounts_ || (::poll(&mounts, 1, 0) > 0 && (mounts.revents & POLLPRI) != 0);
  return other_top || other_mounts;
}

// By a child that shares our namespace: it changes its working directory.
void SandboxBases::prepare(SandboxBase& base) {
  const std::string root = fmt::format("{}/{}", root_, ++last_);
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) return;
  const pid_t child = ::fork();
  if (child == 0) {
    ::umask(022);
    const char* failed = base.lay_out(root.c_str(), true);
    ::_exit(failed == nullptr ? 0 : 1);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
    base.laid_out_at(root);
  else
    ::umount2(root.c_str(), MNT_DETACH);
  (void)machine_has_changed();  // that was us
}

std::shared_ptr<const SandboxBase> SandboxBases::find(const SandboxBaseKey& key, bool in_use) {
  const MutexLock lock(mutex_);
  if (machine_has_changed() || kept_.size() >= kMaxKept) {
    kept_.clear();
    prepared_ = 0;
    (void)machine_has_changed();  // their going was a change too
  }
  auto& base = kept_[key];
  if (!base) base = std::make_shared<SandboxBase>(key);
  if (in_use && in_own_namespace_ && prepared_ < kMaxPrepared && base->prepared().empty()) {
    // Others may be looking at the one that is kept.
    base = std::make_shared<SandboxBase>(key);
    prepare(*base);
    ++prepared_;
  }
  return base;
}

// Of what lies in a directory that is hidden, which is the server's, the way from there is taken through no link: what
// children were given to write to lies there.
Step SandboxPlan::source_step(const Mount& mount, const std::string& target, const std::vector<std::string>& hidden) {
  std::string base = clean_path(mount.source.native()), below = mount.below.native();
  const std::string* innermost = nullptr;
  for (const auto& one : hidden) {
    const bool closer = innermost == nullptr || one.size() > innermost->size();
    if (base != one && is_within(base, one) && closer) innermost = &one;
  }
  if (innermost != nullptr) {
    const std::string way = base.substr(innermost->size() + 1);
    below = below.empty() ? way : way + "/" + below;
    base = *innermost;
  }
  const bool writable = mount.kind == Mount::Kind::writable;
  return {Step::Kind::bind_below, in_root(target), base, "", below, !writable, writable};
}

void SandboxPlan::place_late(const std::string& target, const std::string& above, bool is_file) {
  std::vector<std::string> way;
  for (std::string at = target; at != above; at = parent_path(at)) way.push_back(at);
  for (auto at = way.rbegin(); at != way.rend(); ++at) {
    const auto kind = is_file && *at == target ? Step::Kind::file : Step::Kind::directory;
    steps_.push_back({kind, in_root(*at), "", in_root(parent_path(*at))});
  }
}

std::string SandboxPlan::filled_above(const std::string& target) const {
  const auto late = std::find_if(mounted_.rbegin(), mounted_.rend(),
                                 [&](const std::string& at) { return target != at && is_within(target, at); });
  return late == mounted_.rend() ? std::string() : *late;
}

// A directory that is empty in the base, which others have too: this child's own, with the programs that are seen in
// it.
void SandboxPlan::renew(const std::string& blank) {
  steps_.push_back({Step::Kind::memory, in_root(blank), "mode=755"});
  mounted_.push_back(blank);
  seals_.push_back(in_root(blank));
  for (const auto& program : base_->shown()) {
    if (!is_within(program, blank)) continue;
    struct stat info{};
    const bool is_file = ::stat(program.c_str(), &info) == 0 && S_ISREG(info.st_mode);
    place_late(program, blank, is_file);
    steps_.push_back({Step::Kind::bind_below, in_root(program), program, "", "", true});
  }
}

void SandboxPlan::add(const Mount& mount) {
  const std::string& target = mount.target;
  std::string late = filled_above(target);
  if (late.empty()) {
    late = base_->blank_above(target);
    if (!late.empty()) renew(late);
  }
  if (!late.empty()) place_late(target, late, mounts_file(mount));
  mounted_.push_back(target);
}

Status SandboxPlan::add_files(const Mount& mount) {
  const std::string target = in_root(mount.target);
  steps_.push_back({Step::Kind::memory, target, "mode=755"});
  for (const auto& [name, bytes] : mount.files) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
      return fail(Code::invalid_argument, fmt::format("\"{}\" is no name of a file", name));
    steps_.push_back({Step::Kind::file, target + "/" + name, bytes, target});
  }
  steps_.push_back({Step::Kind::seal, target});
  return {};
}

Result<SandboxPlan> SandboxPlan::make(const Sandbox& sandbox, SandboxBases& bases, std::optional<ChildUser> user) {
  SandboxPlan plan;
  plan.set_namespaces(sandbox, user);
  const std::vector<Mount> mounts = MR_TRY(ordered_mounts(sandbox));
  std::vector<std::string> hidden = resolved(sandbox.hidden);
  SandboxBaseKey key = base_key(sandbox, hidden, user);
  plan.base_ = bases.find(key, false);
  add_missing_places(*plan.base_, mounts, key);
  plan.base_ = bases.find(key, true);
  plan.root_ = plan.base_->prepared().empty() ? bases.root() : plan.base_->prepared();
  for (const auto& path : sandbox.hidden) hidden.push_back(clean_path(path.native()));
  MR_TRY(plan.add_steps(mounts, hidden));
  return plan;
}

void SandboxPlan::set_namespaces(const Sandbox& sandbox, const std::optional<ChildUser>& user) {
  flags_ = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  if (!sandbox.network) flags_ |= CLONE_NEWNET;
  may_nest_ = sandbox.may_nest;
  context_.is_root = ::geteuid() == 0;
  if (user) {
    context_.user = user->user;
    context_.group = user->group;
  }
  if (context_.is_root) return;
  flags_ |= CLONE_NEWUSER;
  uid_map_ = fmt::format("{} {} 1\n", ::geteuid(), ::geteuid());
  gid_map_ = fmt::format("{} {} 1\n", ::getegid(), ::getegid());
}

Status SandboxPlan::add_steps(const std::vector<Mount>& mounts, const std::vector<std::string>& hidden) {
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const Mount& mount = mounts[i];
    if (i + 1 < mounts.size() && mounts[i + 1].target == mount.target) continue;  // covered
    add(mount);
    switch (mount.kind) {
      case Mount::Kind::writable:
      case Mount::Kind::read_only:
        steps_.push_back(source_step(mount, mount.target, hidden));
        break;
      case Mount::Kind::memory:
        steps_.push_back({Step::Kind::memory, in_root(mount.target), memory_options(mount.size_bytes)});
        break;
      case Mount::Kind::files:
        MR_TRY(add_files(mount));
        break;
    }
  }
  return {};
}

// The base, and the child's own over it.
const char* SandboxPlan::enter_root() const noexcept {
  if (base_->prepared().empty()) {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "cannot enter a mount namespace";
    if (const char* failed = base_->lay_out(root_.c_str(), context_.is_root)) return failed;
  } else if (::chdir(root_.c_str()) != 0) {
    return "cannot enter the sandbox";
  }
  for (const Step& step : steps_) {
    if (const char* failed = perform(step, context_)) return failed;
  }
  for (const std::string& seal : seals_) {
    if (!restrict_mount(seal.c_str(), Access::read_only, false))
      return "cannot make a directory of the sandbox read-only";
  }
  return nullptr;
}

const char* SandboxPlan::mount_proc() const noexcept {
  // One whose workers make user namespaces writes their maps there; what is the machine's is read-only all the same.
  const unsigned long access = may_nest_ ? 0 : MS_RDONLY;
  if (::mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | access, nullptr) != 0)
    return "cannot mount /proc in the sandbox";
  for (const char* path : kReadOnlyOfProc) {
    if (!may_nest_) break;
    if (::mount(path, path, nullptr, MS_BIND, nullptr) != 0) {
      if (errno == ENOENT) continue;
      return "cannot make /proc read-only";
    }
    if (!restrict_mount(path, Access::read_only, false)) return "cannot make /proc read-only";
  }
  for (const std::string& path : masked_of_proc()) {
    if (::mount("/dev/null", path.c_str(), nullptr, MS_BIND, nullptr) != 0) return "cannot hide a part of /proc";
  }
  return nullptr;
}

const char* SandboxPlan::enter() const noexcept {
  if (!uid_map_.empty()) {
    if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", uid_map_) ||
        !write_text("/proc/self/gid_map", gid_map_))
      return "cannot enter a user namespace";
  }
  if (const char* failed = enter_root()) return failed;
  if (const char* failed = mount_proc()) return failed;
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return "cannot make the sandbox the root";
  if (::umount2(".", MNT_DETACH) != 0) return "cannot leave the machine's own root";
  if ((flags_ & CLONE_NEWNET) != 0 && !start_loopback()) return "cannot start the sandbox's loopback";
  (void)::sethostname("millrace", 8);
  return nullptr;
}

}  // namespace millrace::proc
