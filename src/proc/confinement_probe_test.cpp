// The attempts themselves. In a file of the tests, which is not part of the program.

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "proc/confinement.h"
#include "proc/confinement_probe.h"
#include "proc/sandbox.h"

namespace millrace::proc {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string status_line(std::string_view name) {
  const auto text = read_file("/proc/self/status", 1 << 16);
  if (!text) return "unreadable";
  for (const auto line : split(*text, '\n')) {
    if (line.starts_with(name)) return std::string(trim(line.substr(name.size() + 1)));
  }
  return "absent";
}

std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) names.insert(entry.path().filename().native());
  return names;
}

std::string text_of(const std::set<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += name + " ";
  return out;
}

// What went wrong first; "" where nothing did.
class Finding {
 public:
  void expect(bool holds, std::string_view what) {
    if (!holds && text_.empty()) text_ = what;
  }
  // A system call that has to fail with `error`.
  void refused(long result, std::string_view what, int error = EPERM) {
    const int got = errno;
    if (result >= 0)
      expect(false, fmt::format("{} succeeded", what));
    else
      expect(got == error, fmt::format("{}: {}", what, std::strerror(got)));
  }
  void unopenable(const std::string& path, int flags) {
    const Fd file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
    expect(!file, fmt::format("{} can be opened", path));
  }
  std::string take() { return text_; }

 private:
  std::string text_;
};

std::string user() {
  Finding out;
  const std::string id = variable("PROBE_USER"), group = variable("PROBE_GROUP");
  uid_t r = 0, e = 0, s = 0;
  gid_t rg = 0, eg = 0, sg = 0;
  ::getresuid(&r, &e, &s);
  ::getresgid(&rg, &eg, &sg);
  for (const uid_t one : {r, e, s}) out.expect(std::to_string(one) == id && one != 0, fmt::format("user {}", one));
  for (const gid_t one : {rg, eg, sg})
    out.expect(std::to_string(one) == group && one != 0, fmt::format("group {}", one));
  const int error = (::syscall(SYS_setuid, 0), errno);
  out.expect(::geteuid() == e && (error == EPERM || error == EINVAL),
             "setuid(0)");  // EINVAL: the namespace has no root
  return out.take();
}

std::string capabilities() {
  Finding out;
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    out.expect(status_line(set) == "0000000000000000", fmt::format("{} {}", set, status_line(set)));
  return out.take();
}

std::string new_privileges() {
  Finding out;
  out.expect(status_line("NoNewPrivs") == "1", "no_new_privs is not set");
  out.expect(status_line("Seccomp") == "2", "there is no filter of system calls");
  struct statvfs info{};
  for (const std::string& path : {std::string("/"), std::string("/usr"), variable("PROBE_WORK"), std::string("/tmp")})
    out.expect(::statvfs(path.c_str(), &info) == 0 && (info.f_flag & ST_NOSUID) != 0, path + " honours set-user-id");
  return out.take();
}

std::string mounts() {
  Finding out;
  const std::string hidden = variable("PROBE_HIDDEN");
  out.refused(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr), "mount");
  out.refused(::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND, nullptr), "a mount made writable");
  out.refused(::mount("/", "/tmp", nullptr, MS_BIND, nullptr), "a bind mount");
  for (const std::string& path : {hidden, std::string("/tmp"), std::string("/proc"), std::string("/dev/shm")}) {
    out.refused(::umount2(path.c_str(), 0), "umount " + path);
    out.refused(::umount2(path.c_str(), MNT_DETACH), "umount -l " + path);
  }
  out.refused(::syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/tmp", 0), "move_mount");
  out.refused(::syscall(SYS_open_tree, AT_FDCWD, "/", 1), "open_tree");
  out.refused(::syscall(SYS_fsopen, "tmpfs", 0), "fsopen");
  out.refused(::syscall(SYS_fspick, AT_FDCWD, "/", 0), "fspick");
  out.refused(::syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, nullptr, 0), "mount_setattr");
  out.refused(::syscall(SYS_pivot_root, ".", "."), "pivot_root");
  out.refused(::chroot("/tmp"), "chroot");
  return out.take();
}

std::string namespaces() {
  Finding out;
  for (const int one : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
                        CLONE_NEWCGROUP, CLONE_NEWUSER | CLONE_NEWNS}) {
    out.refused(::syscall(SYS_unshare, one), fmt::format("unshare {:#x}", one));
    const long child = ::syscall(SYS_clone, one | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) ::_exit(0);
    out.refused(child, fmt::format("clone {:#x}", one));
  }
  out.refused(::syscall(SYS_clone3, nullptr, 0), "clone3", ENOSYS);
  const Fd own(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  out.refused(::setns(own.get(), 0), "setns");
  return out.take();
}

std::string kernel_interfaces() {
  Finding out;
  const auto refused = [&](long number, const char* name) {
    out.refused(::syscall(number, 0, nullptr, nullptr, nullptr, nullptr, nullptr), name);
  };
  refused(SYS_keyctl, "keyctl");
  refused(SYS_add_key, "add_key");
  refused(SYS_request_key, "request_key");
  refused(SYS_bpf, "bpf");
  refused(SYS_perf_event_open, "perf_event_open");
  refused(SYS_userfaultfd, "userfaultfd");
  refused(SYS_io_uring_setup, "io_uring_setup");
  refused(SYS_io_uring_enter, "io_uring_enter");
  refused(SYS_io_uring_register, "io_uring_register");
  refused(SYS_open_by_handle_at, "open_by_handle_at");
  refused(SYS_name_to_handle_at, "name_to_handle_at");
  refused(SYS_init_module, "init_module");
  refused(SYS_finit_module, "finit_module");
  refused(SYS_delete_module, "delete_module");
  refused(SYS_kexec_load, "kexec_load");
  refused(SYS_quotactl, "quotactl");
  refused(SYS_swapon, "swapon");
  refused(SYS_swapoff, "swapoff");
  refused(SYS_reboot, "reboot");
  refused(SYS_acct, "acct");
  refused(SYS_settimeofday, "settimeofday");
  refused(SYS_clock_settime, "clock_settime");
  refused(SYS_sethostname, "sethostname");
  refused(SYS_syslog, "syslog");
  refused(SYS_process_vm_readv, "process_vm_readv");
  refused(SYS_process_vm_writev, "process_vm_writev");
  refused(SYS_pidfd_getfd, "pidfd_getfd");
#if defined(__x86_64__)
  refused(SYS_iopl, "iopl");
  refused(SYS_ioperm, "ioperm");
#endif
  out.refused(::personality(READ_IMPLIES_EXEC), "personality");
  out.expect(::personality(0xffffffff) >= 0, "the personality cannot be asked for");
  return out.take();
}

// In a process of its own: where the kernel has no such calls it ends by a signal.
long of_other_architecture([[maybe_unused]] bool x32) {
#if defined(__x86_64__)
  const pid_t child = ::fork();
  if (child == 0) {
    long result = 0;
    if (x32)
      result = ::syscall(0x40000000 + SYS_getpid) < 0 ? -1 : 1;
    else
      __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");  // getpid
    ::_exit(result < 0 || static_cast<int>(result) < 0 ? 0 : 1);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return 1;
  return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? -1 : 1;
#else
  return -1;
#endif
}

std::string other_architectures() {
  Finding out;
  out.expect(of_other_architecture(false) < 0, "a system call of the 32-bit architecture is answered");
  out.expect(of_other_architecture(true) < 0, "a system call of x32 is answered");
  return out.take();
}

std::string sockets() {
  Finding out;
  for (const int family : {AF_PACKET, AF_ALG, AF_VSOCK, AF_KEY, AF_BLUETOOTH, AF_CAN, AF_TIPC, AF_XDP, AF_RDS})
    out.refused(::socket(family, SOCK_DGRAM, 0), fmt::format("a socket of family {}", family));
  for (const int protocol : {NETLINK_AUDIT, NETLINK_NETFILTER, NETLINK_KOBJECT_UEVENT, NETLINK_XFRM, NETLINK_GENERIC})
    out.refused(::socket(AF_NETLINK, SOCK_RAW, protocol), fmt::format("netlink {}", protocol));
  for (const int family : {AF_UNIX, AF_INET, AF_INET6}) {
    const Fd usual(::socket(family, SOCK_STREAM, 0));
    out.expect(usual || errno == EAFNOSUPPORT, fmt::format("no socket of family {}: {}", family, std::strerror(errno)));
  }
  const Fd routes(::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
  out.expect(static_cast<bool>(routes), "no addresses can be asked for");
  return out.take();
}

std::string devices() {
  Finding out;
  const std::set<std::string> all = names_in("/dev"), expected = {"null", "zero",  "full",   "random", "urandom", "tty",
                                                                  "fd",   "stdin", "stdout", "stderr", "shm"};
  out.expect(std::ranges::includes(expected, all), "/dev holds " + text_of(all));
  out.expect(all.contains("null") && all.contains("urandom"), "/dev has only " + text_of(all));
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC)), random(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
  out.expect(nothing && random, "/dev/null cannot be used");
  const std::string node = variable("PROBE_WORK") + "/node";
  for (const mode_t kind : {S_IFBLK, S_IFCHR}) out.refused(::mknod(node.c_str(), kind | 0600, makedev(1, 1)), "mknod");
  out.refused(::mknod("/dev/x", S_IFREG | 0600, 0), "a file in /dev", EROFS);
  struct statvfs info{};
  for (const std::string& path : {std::string("/usr"), variable("PROBE_WORK"), std::string("/tmp")})
    out.expect(::statvfs(path.c_str(), &info) == 0 && (info.f_flag & ST_NODEV) != 0, path + " may hold devices");
  return out.take();
}

std::string proc() {
  Finding out;
  for (const char* path : {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches",
                           "/proc/sys/net/ipv4/ip_forward", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity"})
    out.unopenable(path, O_WRONLY);
  for (const char* path : {"/proc/kcore", "/proc/kmsg"}) out.unopenable(path, O_RDONLY);
  for (const char* path :
       {"/proc/keys", "/proc/kallsyms", "/proc/interrupts", "/proc/timer_list", "/proc/latency_stats"}) {
    const auto text = read_file(path, 1 << 20);
    out.expect(!text || text->empty(), fmt::format("{} can be read", path));
  }
  return out.take();
}

std::string sys() {
  Finding out;
  struct statvfs info{};
  out.expect(::statvfs("/sys", &info) == 0 && (info.f_flag & ST_RDONLY) != 0, "/sys can be written to");
  for (const char* path :
       {"/sys/firmware", "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing", "/sys/fs/bpf"})
    out.expect(names_in(path).empty(), fmt::format("{} holds {}", path, text_of(names_in(path))));
  out.unopenable("/sys/power/state", O_WRONLY);
  return out.take();
}

std::string machine_files() {
  Finding out;
  for (const char* path : {"/etc/millrace-probe", "/usr/millrace-probe", "/millrace-probe", "/var/tmp/millrace-probe",
                           "/opt/millrace-probe"})
    out.unopenable(path, O_WRONLY | O_CREAT);
  out.unopenable("/etc/shadow", O_RDONLY);
  struct statvfs info{};
  for (const char* path : {"/", "/etc", "/usr", "/var"})
    out.expect(::statvfs(path, &info) == 0 && (info.f_flag & ST_RDONLY) != 0, fmt::format("{} is writable", path));
  return out.take();
}

std::string server_files() {
  Finding out;
  const std::string hidden = variable("PROBE_HIDDEN");
  out.expect(names_in(hidden) == std::set<std::string>{variable("PROBE_SEEN")},
             fmt::format("{} holds {}", hidden, text_of(names_in(hidden))));
  for (const std::string& way : {std::string(), std::string("/proc/self/root"), std::string("/proc/1/root"),
                                 std::string("/proc/self/cwd/../../.."), std::string("/../..")})
    out.unopenable(way + hidden + "/key", O_RDONLY);
  out.unopenable(hidden + "/new", O_WRONLY | O_CREAT);
  struct stat root{}, above{}, own{};
  out.expect(::stat("/", &root) == 0 && ::stat("/..", &above) == 0 && root.st_ino == above.st_ino, "/.. leads out");
  out.expect(::stat("/proc/self/root/", &own) == 0 && own.st_ino == root.st_ino && own.st_dev == root.st_dev,
             "/proc/self/root is another root");
  return out.take();
}

std::string homes() {
  Finding out;
  const std::string shown_text = variable("PROBE_SHOWN"), homes_text = variable("PROBE_HOMES");
  const auto shown = split(shown_text, ':');
  for (const auto home : split(homes_text, ':')) {
    if (home.empty() || !std::string_view(variable("PROBE_HIDDEN")).starts_with(home)) {
      for (const auto& name : names_in(std::string(home))) {
        const std::string path = fmt::format("{}/{}", home, name);
        const bool leads = std::ranges::any_of(shown, [&](std::string_view one) {
          return is_within(std::string(one), path) || is_within(path, std::string(one));
        });
        out.expect(leads, path + " is seen");
      }
    }
  }
  return out.take();
}

std::string run_sockets() {
  Finding out;
  const auto all = names_in("/run");
  out.expect(std::ranges::includes(std::set<std::string>{"systemd"}, all), "/run holds " + text_of(all));
  const auto systemd = names_in("/run/systemd");
  out.expect(std::ranges::includes(std::set<std::string>{"resolve"}, systemd),
             "/run/systemd holds " + text_of(systemd));
  return out.take();
}

std::string processes() {
  Finding out;
  const auto all = names_in("/proc");
  const auto count = std::ranges::count_if(
      all, [](const std::string& name) { return name.find_first_not_of("0123456789") == std::string::npos; });
  out.expect(count <= 2, fmt::format("{} processes are seen", count));
  out.expect(::getpid() == 1, "it is not the first of its namespace");
  out.refused(::ptrace(PTRACE_ATTACH, 2'000'000, nullptr, nullptr), "ptrace of another", ESRCH);
  out.refused(::kill(2'000'000, 0), "a signal to another", ESRCH);
  out.refused(::kill(-1, 0), "a signal to all", ESRCH);
  return out.take();
}

std::string hard_links() {
  Finding out;
  const std::string work = variable("PROBE_WORK"), own = work + "/own";
  out.expect(static_cast<bool>(write_file(own, "x")), "it cannot write to its own directory");
  out.refused(::link("/etc/passwd", (work + "/linked").c_str()), "a hard link from the machine", EXDEV);
  out.refused(::link(own.c_str(), "/tmp/linked"), "a hard link to another mount", EXDEV);
  out.refused(::linkat(AT_FDCWD, "/proc/self/exe", AT_FDCWD, (work + "/linked").c_str(), AT_SYMLINK_FOLLOW),
              "a hard link to a program", EXDEV);
  return out.take();
}

std::string terminal() {
  Finding out;
  out.unopenable("/dev/tty", O_RDWR);
  out.expect(!fs::exists("/dev/pts") && !fs::exists("/dev/ptmx"), "there are terminals");
  for (const int file : {0, 1, 2}) out.expect(::isatty(file) == 0, "it has a terminal");
  out.refused(::ioctl(0, TIOCSTI, "x"), "TIOCSTI");
  out.refused(::ioctl(0, TIOCLINUX, "x"), "TIOCLINUX");
  return out.take();
}

std::string abstract_sockets() {
  Finding out;
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) < 6) return {};
  const std::string name = variable("PROBE_SOCKET");
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  out.refused(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size),
              "a connection to an abstract socket");
  return out.take();
}

std::string descriptors() {
  Finding out;
  for (int file = 3; file < 1024; ++file)
    out.expect(::fcntl(file, F_GETFD) < 0, fmt::format("descriptor {} is open", file));
  return out.take();
}

std::string limits() {
  Finding out;
  struct rlimit value{};
  out.expect(::getrlimit(RLIMIT_CORE, &value) == 0 && value.rlim_max == 0, "core files are written");
  out.expect(::getrlimit(RLIMIT_NOFILE, &value) == 0 && value.rlim_cur <= kMaxOpenFiles, "too many open files");
  out.expect(::getrlimit(RLIMIT_NPROC, &value) == 0 && value.rlim_max <= kMaxChildProcesses, "too many processes");
  struct statvfs info{};
  for (const char* path : {"/tmp", "/dev/shm"})
    out.expect(::statvfs(path, &info) == 0 && info.f_blocks * info.f_frsize <= kTemporaryBytes,
               fmt::format("{} is not limited", path));
  return out.take();
}

}  // namespace

const std::vector<ProbeRow>& probe_rows() {
  static const std::vector<ProbeRow> rows = {{"descriptors", descriptors},
                                             {"user", user},
                                             {"capabilities", capabilities},
                                             {"new privileges", new_privileges},
                                             {"mounts", mounts},
                                             {"kernel interfaces", kernel_interfaces},
                                             {"other architectures", other_architectures},
                                             {"sockets", sockets},
                                             {"devices", devices},
                                             {"/proc", proc},
                                             {"/sys", sys},
                                             {"machine's files", machine_files},
                                             {"server's files", server_files},
                                             {"homes", homes},
                                             {"/run", run_sockets},
                                             {"processes", processes},
                                             {"hard links", hard_links},
                                             {"terminal", terminal},
                                             {"abstract sockets", abstract_sockets},
                                             {"limits", limits},
                                             {"namespaces", namespaces}};
  return rows;
}

int probe_main() {
  for (const ProbeRow& row : probe_rows()) {
    const std::string found = row.attempt();
    fmt::print("{}: {}\n", row.name, found.empty() ? "holds" : "FAULT " + found);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace millrace::proc
