#include "proc/confinement.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/file.h"
#include "proc/system_calls.h"

namespace millrace::proc {
namespace {

// linux/landlock.h of kernel 6.12, which a machine's headers may be older than.
struct LandlockRuleset {
  std::uint64_t handled_files = 0, handled_network = 0, scoped = 0;
};
constexpr long kCreateRuleset = 444, kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;
constexpr int kScopesSince = 6;
constexpr std::uint64_t kScopeAbstractSockets = 1, kScopeSignals = 2;

// Of a child without namespaces when the server is root: what container engines leave to a container's root. Its files
// may be another user's, and they lie below directories that are closed to all others.
constexpr std::uint64_t kCapabilitiesOfBare = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FSETID |
                                              1ULL << CAP_FOWNER | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID |
                                              1ULL << CAP_SETPCAP | 1ULL << CAP_NET_BIND_SERVICE | 1ULL << CAP_KILL;

// Abstract Unix sockets and signals end at the sandbox. Made once: a child only enters it.
int scope() {
  static const Fd ruleset = [] {
    if (::syscall(kCreateRuleset, nullptr, 0, kAskVersion) < kScopesSince) return Fd();
    const LandlockRuleset rules{0, 0, kScopeAbstractSockets | kScopeSignals};
    return Fd(static_cast<int>(::syscall(kCreateRuleset, &rules, sizeof rules, 0)));  // is not inherited
  }();
  return ruleset.get();
}

bool keep_capabilities(std::uint64_t kept) noexcept {
  for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if ((kept >> capability & 1) != 0) continue;
    // EINVAL: the kernel does not know it. EPERM: there is none to drop it with.
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM) return false;
  }
  return true;
}

bool set_capabilities(std::uint64_t kept) noexcept {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct now[2]{}, data[2]{};
  if (::syscall(SYS_capget, &header, now) != 0) return false;
  for (int half = 0; half < 2; ++half) {
    data[half].permitted = data[half].effective = now[half].permitted & static_cast<std::uint32_t>(kept >> (32 * half));
    data[half].inheritable = 0;
  }
  return ::syscall(SYS_capset, &header, data) == 0;
}

// By the kernel's calls: the library's would have all threads of the launcher, whose memory this is, do the same.
bool become_user(const ChildUser& user) noexcept {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
         ::syscall(SYS_setresgid, user.group, user.group, user.group) == 0 &&
         ::syscall(SYS_setresuid, user.user, user.user, user.user) == 0;
}

void limit_soft(int resource, rlim_t soft) noexcept {
  struct rlimit value{};
  const auto which = static_cast<__rlimit_resource>(resource);
  if (::getrlimit(which, &value) != 0) return;
  value.rlim_cur = soft < value.rlim_max ? soft : value.rlim_max;
  ::setrlimit(which, &value);
}

void limit_hard(int resource, rlim_t hard) noexcept {
  struct rlimit value{};
  const auto which = static_cast<__rlimit_resource>(resource);
  if (::getrlimit(which, &value) != 0) return;
  if (hard < value.rlim_max) value.rlim_max = hard;
  if (value.rlim_max < value.rlim_cur) value.rlim_cur = value.rlim_max;
  ::setrlimit(which, &value);
}

}  // namespace

Confinement::Confinement(Kind kind, std::optional<ChildUser> user) : kind_(kind) {
  const bool has_namespaces = kind == Kind::sandboxed || kind == Kind::nesting;
  if (has_namespaces) {
    user_ = user;
    scope_ = scope();
  }
  const auto& filter = system_call_filter(kind == Kind::nesting);
  filter_ = {static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
}

const char* Confinement::enter() const noexcept {
  limit_soft(RLIMIT_NOFILE, kMaxOpenFiles);
  if (kind_ == Kind::none) return nullptr;
  const std::uint64_t kept = kind_ == Kind::bare ? kCapabilitiesOfBare : 0;
  if (kind_ != Kind::bare) limit_hard(RLIMIT_NPROC, kMaxChildProcesses);
  if (!keep_capabilities(kept)) return "cannot drop capabilities";
  if (user_ && !become_user(*user_)) return "cannot become the children's user";
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (!set_capabilities(kept)) return "cannot drop capabilities";
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "cannot give up privileges for good";
  if (scope_ >= 0 && ::syscall(kRestrictSelf, scope_, 0) != 0) return "cannot close off signals and sockets";
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter_) != 0) return "cannot limit its system calls";
  return nullptr;
}

}  // namespace millrace::proc
