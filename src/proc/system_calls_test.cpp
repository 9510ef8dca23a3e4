// The filter as the kernel runs it, instruction by instruction: what it answers at the ends of every range.

#include "proc/system_calls.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include <gtest/gtest.h>

namespace millrace::proc {
namespace {

constexpr std::uint32_t kAllowed = SECCOMP_RET_ALLOW, kRefused = SECCOMP_RET_ERRNO | EPERM,
                        kUnknown = SECCOMP_RET_ERRNO | ENOSYS;
#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

// The answer of a filter, and nothing if it leaves its own program or uses what this does not know.
std::optional<std::uint32_t> run(const std::vector<sock_filter>& filter, const seccomp_data& data) {
  std::uint32_t loaded = 0;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& now = filter[at];
    const auto go = [&](bool holds) { at += holds ? now.jt : now.jf; };
    switch (now.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (now.k + sizeof loaded > sizeof data) return std::nullopt;
        std::memcpy(&loaded, reinterpret_cast<const char*>(&data) + now.k, sizeof loaded);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        go(loaded == now.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        go(loaded >= now.k);
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        go((loaded & now.k) != 0);
        break;
      case BPF_RET | BPF_K:
        return now.k;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

struct Asked {
  long number;
  std::uint32_t answer, nesting;
  std::uint64_t arguments[3] = {};
};

std::optional<std::uint32_t> answer_to(const Asked& asked, bool may_nest) {
  seccomp_data data{static_cast<int>(asked.number), kArchitecture, 0, {}};
  std::copy(std::begin(asked.arguments), std::end(asked.arguments), data.args);
  return run(system_call_filter(may_nest), data);
}

TEST(SystemCallFilter, AnswersEachCall) {
  const Asked table[] = {
      {SYS_read, kAllowed, kAllowed},
      {SYS_execve, kAllowed, kAllowed},
      {SYS_sync, kAllowed, kAllowed},
      {SYS_acct, kRefused, kRefused},
      {SYS_settimeofday, kRefused, kRefused},
      {SYS_mount, kRefused, kAllowed},
      {SYS_umount2, kRefused, kRefused},
      {SYS_mount_setattr, kRefused, kAllowed},
      {SYS_quotactl_fd, kRefused, kRefused},
      {SYS_pivot_root, kRefused, kRefused},
      {SYS_bpf, kRefused, kRefused},
      {SYS_io_uring_setup, kRefused, kRefused},
      {SYS_fspick, kRefused, kRefused},
      {434, kAllowed, kAllowed},  // pidfd_open, after a range
      {SYS_clone3, kUnknown, kUnknown},
      {SYS_close_range, kAllowed, kAllowed},
      {467, kRefused, kRefused},
      {468, kAllowed, kAllowed},  // the kernel knows, or ENOSYS
      {SYS_clone, kAllowed, kAllowed, {SIGCHLD}},
      {SYS_clone, kRefused, kAllowed, {CLONE_NEWUSER | SIGCHLD}},
      {SYS_unshare, kAllowed, kAllowed, {CLONE_FILES}},
      {SYS_unshare, kRefused, kAllowed, {CLONE_NEWNS}},
      {SYS_ioctl, kAllowed, kAllowed, {0, 0x5401}},
      {SYS_ioctl, kRefused, kRefused, {0, 0x5412}},
      {SYS_ioctl, kRefused, kRefused, {0, 0xffffffff00005412}},  // the kernel looks at the low half
      {SYS_ioctl, kRefused, kRefused, {0, 0x541c}},
      {SYS_socket, kAllowed, kAllowed, {AF_UNIX, SOCK_STREAM}},
      {SYS_socket, kAllowed, kAllowed, {AF_INET6, SOCK_DGRAM}},
      {SYS_socket, kAllowed, kAllowed, {AF_NETLINK, SOCK_RAW, 0}},
      {SYS_socket, kRefused, kRefused, {AF_NETLINK, SOCK_RAW, 9}},
      {SYS_socket, kRefused, kRefused, {AF_PACKET, SOCK_RAW}},
      {SYS_socket, kRefused, kRefused, {AF_VSOCK, SOCK_STREAM}},
      {SYS_socket, kRefused, kRefused, {AF_ALG, SOCK_SEQPACKET}},
      {SYS_personality, kAllowed, kAllowed, {0xffffffff}},
      {SYS_personality, kAllowed, kAllowed, {0x40000}},
      {SYS_personality, kRefused, kRefused, {0x0400000}},
#if defined(__x86_64__)
      {SYS_iopl, kRefused, kRefused},
      {0x40000000, kRefused, kRefused},
      {0x40000000 + 165, kRefused, kRefused},
      {0x3fffffff, kAllowed, kAllowed},
      {0xffffffff, kRefused, kRefused},
#endif
  };
  for (const Asked& asked : table) {
    EXPECT_EQ(answer_to(asked, false), asked.answer) << asked.number << " of " << asked.arguments[0];
    EXPECT_EQ(answer_to(asked, true), asked.nesting) << asked.number << " of " << asked.arguments[0] << ", nesting";
  }
}

TEST(SystemCallFilter, AnswersEveryNumber) {
  for (long number = 0; number < 1'000; ++number) {
    EXPECT_TRUE(answer_to({number, 0, 0}, false)) << number;
    EXPECT_TRUE(answer_to({number, 0, 0}, true)) << number;
  }
}

TEST(SystemCallFilter, RefusesAnotherArchitecture) {
  for (const unsigned other : {unsigned{AUDIT_ARCH_I386}, unsigned{AUDIT_ARCH_ARM}, 0U}) {
    EXPECT_EQ(run(system_call_filter(false), seccomp_data{SYS_read, other, 0, {}}), kRefused);
  }
}

// The kernel compiles it for every child.
TEST(SystemCallFilter, IsShort) { EXPECT_LE(system_call_filter(false).size(), 128U); }

}  // namespace
}  // namespace millrace::proc
