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
#include <cstdlib>
#include <initializer_list>
#include <iterator>
#include <utility>

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

enum class Answer { allow, refuse, unknown, if_no_namespace, if_usual_ioctl, if_usual_socket, if_usual_personality };
constexpr std::size_t kAnswers = 7;

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

// The filter is compiled by the kernel for every child, and tried there with every number of a call: what it costs is
// its length. So it is a tree of ranges of numbers, and what is answered alike is there once.
class Program {
 public:
  explicit Program(bool may_nest) {
    auto calls = looked_at();
    if (may_nest) std::erase_if(calls, [](const Call& call) { return !call.when_nesting; });
    load(offsetof(seccomp_data, arch));
    jump(BPF_JEQ, kArchitecture, Target::next(), kRefused);
    load(offsetof(seccomp_data, nr));
    const auto ranges = ranges_of(calls);
    among(ranges, 0, ranges.size());
    for (std::size_t i = 0; i < kAnswers; ++i) {
      if (is_asked(static_cast<Answer>(i))) decide(static_cast<Answer>(i));
    }
    for (const std::uint32_t value : {SECCOMP_RET_ALLOW, kRefused, kUnknown}) {
      returns_.emplace_back(value, code_.size());
      code_.push_back({BPF_RET | BPF_K, 0, 0, value});
    }
    resolve();
  }
  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  // All calls from `first` to that of the next range.
  struct Range {
    std::uint32_t first;
    Answer answer;
  };

  // Where a jump leads to.
  struct Target {
    enum class Kind { next, instruction, answer, value } kind;
    std::size_t number = 0;

    Target(Kind what, std::size_t which) : kind(what), number(which) {}
    Target(std::uint32_t value) : kind(Kind::value), number(value) {}  // NOLINT(google-explicit-constructor)
    Target(Answer answer) : Target(of(answer)) {}                      // NOLINT(google-explicit-constructor)
    static Target next() { return {Kind::next, 0}; }
    static Target of(Answer answer) {
      if (answer == Answer::allow) return SECCOMP_RET_ALLOW;
      if (answer == Answer::refuse) return kRefused;
      if (answer == Answer::unknown) return kUnknown;
      return {Kind::answer, static_cast<std::size_t>(answer)};
    }
  };

  struct Jump {
    std::size_t at;
    Target if_true, if_false;
  };

  static std::vector<Range> ranges_of(const std::vector<Call>& calls) {
    std::vector<Range> ranges = {{0, Answer::allow}};
    const auto begin = [&ranges](std::uint32_t first, Answer answer) {
      if (ranges.back().first == first) ranges.pop_back();
      if (ranges.empty() || ranges.back().answer != answer) ranges.push_back({first, answer});
    };
    for (const Call& call : calls) {
      begin(call.number, call.answer);
      begin(call.number + 1, Answer::allow);
    }
#if defined(__x86_64__)
    begin(kFirstOfX32, Answer::refuse);
#endif
    return ranges;
  }

  bool is_asked(Answer answer) const {
    return std::ranges::any_of(jumps_, [answer](const Jump& jump) {
      const auto leads = [answer](const Target& target) {
        return target.kind == Target::Kind::answer && target.number == static_cast<std::size_t>(answer);
      };
      return leads(jump.if_true) || leads(jump.if_false);
    });
  }

  void load(std::size_t offset) {
    code_.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
  }
  // The low half of an argument: of flags and numbers that are of 32 bits.
  void load_argument(std::size_t number) {
    load(offsetof(seccomp_data, args) + number * sizeof(std::uint64_t));  // little-endian, both of them
  }
  void jump(unsigned comparison, std::uint32_t operand, Target if_true, Target if_false) {
    jumps_.push_back({code_.size(), if_true, if_false});
    code_.push_back({static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), 0, 0, operand});
  }

  // Halves until one range is left: as many steps for each number.
  void among(const std::vector<Range>& ranges, std::size_t first, std::size_t end) {
    const std::size_t middle = first + (end - first) / 2, at = jumps_.size();
    jump(BPF_JGE, ranges[middle].first, ranges[middle].answer, ranges[first].answer);
    if (middle - first > 1) {
      jumps_[at].if_false = {Target::Kind::instruction, code_.size()};
      among(ranges, first, middle);
    }
    if (end - middle > 1) {
      jumps_[at].if_true = {Target::Kind::instruction, code_.size()};
      among(ranges, middle, end);
    }
  }

  void decide(Answer how) {
    answers_[static_cast<std::size_t>(how)] = code_.size();
    const Target next = Target::next();
    switch (how) {
      case Answer::allow:
      case Answer::refuse:
      case Answer::unknown:
        return;
      case Answer::if_no_namespace:
        load_argument(0);
        return jump(BPF_JSET, kNewNamespaces, kRefused, SECCOMP_RET_ALLOW);
      case Answer::if_usual_ioctl:
        load_argument(1);
        jump(BPF_JEQ, kTypeIntoTerminal, kRefused, next);
        return jump(BPF_JEQ, kSelectInConsole, kRefused, SECCOMP_RET_ALLOW);
      case Answer::if_usual_socket:
        load_argument(0);
        for (const int family : {AF_UNIX, AF_INET, AF_INET6})
          jump(BPF_JEQ, static_cast<std::uint32_t>(family), SECCOMP_RET_ALLOW, next);
        jump(BPF_JEQ, AF_NETLINK, next, kRefused);
        load_argument(2);
        return jump(BPF_JEQ, kRouting, SECCOMP_RET_ALLOW, kRefused);
      case Answer::if_usual_personality:
        load_argument(0);
        for (const std::uint32_t usual : kPersonalities) {
          const bool last = usual == *std::rbegin(kPersonalities);
          jump(BPF_JEQ, usual, SECCOMP_RET_ALLOW, last ? Target(kRefused) : next);
        }
    }
  }

  std::size_t place_of(const Jump& jump, const Target& target) const {
    switch (target.kind) {
      case Target::Kind::next:
        return jump.at + 1;
      case Target::Kind::instruction:
        return target.number;
      case Target::Kind::answer:
        return answers_[target.number];
      case Target::Kind::value:
        break;
    }
    const auto value = [&target](const auto& known) { return known.first == target.number; };
    return std::ranges::find_if(returns_, value)->second;
  }

  // A jump is of 255 instructions at most.
  void resolve() {
    for (const Jump& jump : jumps_) {
      const auto distance = [&](const Target& target) {
        const std::size_t distance = place_of(jump, target) - jump.at - 1;
        if (distance > UINT8_MAX) std::abort();  // of a table of this file's: seen by the first test
        return static_cast<std::uint8_t>(distance);
      };
      code_[jump.at].jt = distance(jump.if_true);
      code_[jump.at].jf = distance(jump.if_false);
    }
  }

  std::vector<sock_filter> code_;
  std::vector<Jump> jumps_;
  std::size_t answers_[kAnswers] = {};
  std::vector<std::pair<std::uint32_t, std::size_t>> returns_;
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
