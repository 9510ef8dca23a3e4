#include "proc/system_calls.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace millrace::proc {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kFirstOfX32 = 0x40000000;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system calls of this architecture are not known"
#endif

constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM, kUnknown = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                         CLONE_NEWNET | CLONE_NEWCGROUP | 0x00000080;  // CLONE_NEWTIME
constexpr std::uint32_t kTypeIntoTerminal = 0x5412, kSelectInConsole = 0x541c;         // TIOCSTI, TIOCLINUX
constexpr std::uint32_t kRouting = 0;                                                  // NETLINK_ROUTE
// Linux without and with 3 GiB of addresses, without randomisation; and the question which it is.
constexpr std::uint32_t kPersonalities[] = {0, 0x8, 0x20000, 0x20008, 0x0040000, 0xffffffff};
constexpr std::size_t kMaxLeaf = 4;  // calls that are compared one after the other

enum class Answer { refuse, unknown, if_no_namespace, if_usual_ioctl, if_usual_socket, if_usual_personality };

struct Call {
  std::uint32_t number;
  Answer answer;
  bool when_nesting = true;  // false: one that may nest makes it as it likes
};

// The newest are given by number: a library's headers may be older than the kernel. Those are the same everywhere.
constexpr std::uint32_t kOpenTreeAttr = 467;

std::vector<Call> looked_at() {
  std::vector<Call> calls = {
      {SYS_mount, Answer::refuse, false},
      {SYS_mount_setattr, Answer::refuse, false},
      {SYS_unshare, Answer::if_no_namespace, false},
      {SYS_clone, Answer::if_no_namespace, false},
      {SYS_clone3, Answer::unknown},
      {SYS_ioctl, Answer::if_usual_ioctl},
      {SYS_socket, Answer::if_usual_socket},
      {SYS_personality, Answer::if_usual_personality},
  };
  for (const long number : std::initializer_list<long>{
           SYS_umount2,
           SYS_move_mount,
           SYS_fsopen,
           SYS_fsconfig,
           SYS_fsmount,
           SYS_fspick,
           SYS_open_tree,
           kOpenTreeAttr,
           SYS_pivot_root,
           SYS_chroot,
           SYS_setns,
           SYS_keyctl,
           SYS_add_key,
           SYS_request_key,
           SYS_bpf,
           SYS_perf_event_open,
           SYS_kexec_load,
           SYS_kexec_file_load,
           SYS_init_module,
           SYS_finit_module,
           SYS_delete_module,
           SYS_userfaultfd,
           SYS_io_uring_setup,
           SYS_io_uring_enter,
           SYS_io_uring_register,
           SYS_open_by_handle_at,
           SYS_name_to_handle_at,
           SYS_quotactl,
           SYS_quotactl_fd,
           SYS_swapon,
           SYS_swapoff,
           SYS_reboot,
           SYS_acct,
           SYS_settimeofday,
           SYS_clock_settime,
           SYS_clock_adjtime,
           SYS_process_vm_readv,
           SYS_process_vm_writev,
           SYS_process_madvise,
           SYS_pidfd_getfd,
           SYS_kcmp,
           SYS_syslog,
           SYS_sethostname,
           SYS_setdomainname,
           SYS_vhangup,
           SYS_fanotify_init,
           SYS_lookup_dcookie,
           SYS_nfsservctl,
#if defined(__x86_64__)
           SYS_iopl,
           SYS_ioperm,
           SYS_create_module,
           SYS_get_kernel_syms,
           SYS_query_module,
           SYS__sysctl,
           SYS_uselib,
           SYS_ustat,
           SYS_sysfs,
#endif
       })
    calls.push_back({static_cast<std::uint32_t>(number), Answer::refuse});
  std::sort(calls.begin(), calls.end(), [](const Call& a, const Call& b) { return a.number < b.number; });
  return calls;
}

class Program {
 public:
  explicit Program(bool may_nest) {
    calls_ = looked_at();
    if (may_nest) std::erase_if(calls_, [](const Call& call) { return !call.when_nesting; });
    load(offsetof(seccomp_data, arch));
    unless(BPF_JEQ, kArchitecture, kRefused);
    load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    add(BPF_JMP | BPF_JGE | BPF_K, kFirstOfX32, 0, 1);
    answer(kRefused);
#endif
    among(0, calls_.size());
  }
  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void add(unsigned code, std::uint32_t operand, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
    code_.push_back({static_cast<std::uint16_t>(code), if_true, if_false, operand});
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void answer(std::uint32_t value) { add(BPF_RET | BPF_K, value); }
  // The low half of an argument: of flags and numbers that are of 32 bits.
  void load_argument(std::size_t number) {
    load(offsetof(seccomp_data, args) + number * sizeof(std::uint64_t));  // little-endian, both of them
  }
  void unless(unsigned comparison, std::uint32_t operand, std::uint32_t otherwise) {
    add(BPF_JMP | comparison | BPF_K, operand, 1, 0);
    answer(otherwise);
  }
  void when(unsigned comparison, std::uint32_t operand, std::uint32_t then) {
    add(BPF_JMP | comparison | BPF_K, operand, 0, 1);
    answer(then);
  }

  // Halves until few are left: a call that is not looked at, as most, takes few steps.
  void among(std::size_t first, std::size_t end) {
    if (end - first <= kMaxLeaf) {
      for (std::size_t i = first; i < end; ++i) one(calls_[i]);
      return answer(SECCOMP_RET_ALLOW);
    }
    const std::size_t middle = first + (end - first) / 2;
    add(BPF_JMP | BPF_JGE | BPF_K, calls_[middle].number, 0, 1);
    const std::size_t jump = code_.size();
    add(BPF_JMP | BPF_JA, 0);
    among(first, middle);
    code_[jump].k = static_cast<std::uint32_t>(code_.size() - jump - 1);
    among(middle, end);
  }

  void one(const Call& call) {
    add(BPF_JMP | BPF_JEQ | BPF_K, call.number, 0, 0);
    const std::size_t test = code_.size() - 1;
    decide(call.answer);
    code_[test].jf = static_cast<std::uint8_t>(code_.size() - test - 1);
  }

  void decide(Answer how) {
    switch (how) {
      case Answer::refuse:
        return answer(kRefused);
      case Answer::unknown:
        return answer(kUnknown);
      case Answer::if_no_namespace:
        load_argument(0);
        when(BPF_JSET, kNewNamespaces, kRefused);
        return answer(SECCOMP_RET_ALLOW);
      case Answer::if_usual_ioctl:
        load_argument(1);
        when(BPF_JEQ, kTypeIntoTerminal, kRefused);
        when(BPF_JEQ, kSelectInConsole, kRefused);
        return answer(SECCOMP_RET_ALLOW);
      case Answer::if_usual_socket:
        load_argument(0);
        for (const int family : {AF_UNIX, AF_INET, AF_INET6})
          when(BPF_JEQ, static_cast<std::uint32_t>(family), SECCOMP_RET_ALLOW);
        unless(BPF_JEQ, AF_NETLINK, kRefused);
        load_argument(2);
        unless(BPF_JEQ, kRouting, kRefused);
        return answer(SECCOMP_RET_ALLOW);
      case Answer::if_usual_personality:
        load_argument(0);
        for (const std::uint32_t usual : kPersonalities) when(BPF_JEQ, usual, SECCOMP_RET_ALLOW);
        return answer(kRefused);
    }
  }

  std::vector<Call> calls_;
  std::vector<sock_filter> code_;
};

}  // namespace

const std::vector<sock_filter>& system_call_filter(bool may_nest) {
  static const std::vector<sock_filter> strict = Program(false).take(), nesting = Program(true).take();
  return may_nest ? nesting : strict;
}

std::string system_call_filter_bytes() {
  const auto& filter = system_call_filter(false);
  return {reinterpret_cast<const char*>(filter.data()), filter.size() * sizeof(sock_filter)};
}

}  // namespace millrace::proc
