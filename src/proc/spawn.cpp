#include "proc/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "proc/confinement.h"
#include "proc/process_info.h"
#include "proc/sandbox.h"

namespace millrace::proc {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::uint64_t kCpuGraceSeconds = 2;  // between SIGXCPU and SIGKILL

Status executable(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return fail(system_error(path, errno));
  if (S_ISDIR(info.st_mode)) return fail(system_error(path, EISDIR));
  if (::access(path.c_str(), X_OK) != 0) return fail(system_error(path, errno));
  return {};
}

// Everything the child needs, laid out before vfork: until exec it shares our memory and may not allocate.
struct Plan {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* directory;
  int input, output, errors, journal;
  const char* record;
  std::size_t record_size;
  rlim_t memory, cpu, file_size;  // RLIM_INFINITY: leave
  const cpu_set_t* cpus;          // null: all
  const SandboxPlan* sandbox;     // null: none
  const Confinement* confinement;
  int machine_mounts;  // a mount namespace; -1: as it is
  struct Outcome* outcome;
};

// What the child leaves to its parent, which waits until it has become the program or ended.
struct Outcome {
  pid_t pid;  // as the launcher knows it: in a namespace of its own it is 1. Written by the kernel before it begins
  StartTicks start;
  const char* failed;  // why it did not become the program; null: it did
  int error_number;
};

// The memory of the children that a thread starts, one after the other: the outcome, then a stack. Shared with a child
// that has a copy of everything else (see kSharing).
class ChildMemory {
 public:
  static constexpr std::size_t kBytes = 256 * 1024;  // it makes system calls, and is ours until the exec

  ChildMemory() : at_(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~ChildMemory() {
    if (*this) ::munmap(at_, kBytes);
  }
  ChildMemory(const ChildMemory&) = delete;
  ChildMemory& operator=(const ChildMemory&) = delete;
  explicit operator bool() const { return at_ != MAP_FAILED; }
  Outcome* outcome() const { return static_cast<Outcome*>(at_); }
  void* top_of_stack() const { return static_cast<char*>(at_) + kBytes; }

 private:
  void* at_;
};

void limit(int resource, rlim_t soft, rlim_t hard) noexcept {
  if (soft == RLIM_INFINITY) return;
  struct rlimit value{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &value) != 0) return;
  value.rlim_max = hard < value.rlim_max ? hard : value.rlim_max;
  value.rlim_cur = soft < value.rlim_max ? soft : value.rlim_max;
  ::setrlimit(static_cast<__rlimit_resource>(resource), &value);
}

char* put_number(char* at, std::uint64_t value) noexcept {
  char digits[20];
  int n = 0;
  do digits[n++] = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  while (n > 0) *at++ = digits[--n];
  return at;
}

// One write, so that the line is whole or absent.
bool write_record(const Plan& plan) noexcept {
  char line[4096];
  if (plan.record_size > sizeof line - 128) return false;
  std::memcpy(line, plan.record, plan.record_size);
  char* at = line + plan.record_size;
  const auto put_text = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  Outcome& outcome = *plan.outcome;
  outcome.start.until = ticks_now();
  at = put_number(at, static_cast<std::uint64_t>(outcome.pid));
  put_text(",\"start\":");
  at = put_number(at, outcome.start.from);
  put_text(",\"until\":");
  at = put_number(at, outcome.start.until);
  put_text("}\n");
  return ::write(plan.journal, line, static_cast<std::size_t>(at - line)) == at - line;
}

[[noreturn]] void give_up(const Plan& plan, const char* what) noexcept {
  plan.outcome->error_number = errno;
  plan.outcome->failed = what;
  ::_exit(127);
}

// Until the exec a child would hold what its parent holds, such as the lock of a data directory: when the parent is
// killed meanwhile, the next one must not find it taken.
void close_all_but(std::array<int, 3> kept) noexcept {
  std::sort(kept.begin(), kept.end());
  unsigned from = 3;
  for (const int descriptor : kept) {
    const auto number = static_cast<unsigned>(descriptor);
    if (descriptor < 0 || number < from) continue;
    if (number > from) ::close_range(from, number - 1, 0);
    from = number + 1;
  }
  ::close_range(from, ~0U, 0);
}

[[noreturn]] void become(const Plan& plan) noexcept {
  // Not in a session of its own: where Linux shares out processors by sessions (sched_autogroup_enabled), some dozen
  // children would leave a dozenth of them to the server, whose answers then took four times as long.
  ::setpgid(0, 0);
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT}) ::sigaction(signal, &usual, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.errors, 2) < 0) {
    give_up(plan, "cannot redirect its output");
  }
  close_all_but({plan.journal, plan.machine_mounts, plan.confinement->descriptor()});
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_CPU, plan.cpu, plan.cpu == RLIM_INFINITY ? RLIM_INFINITY : plan.cpu + kCpuGraceSeconds);
  if (!write_record(plan)) give_up(plan, "cannot record its start");
  if (plan.sandbox != nullptr) {
    if (const char* failed = plan.sandbox->enter()) give_up(plan, failed);
  } else if (plan.machine_mounts >= 0 && ::setns(plan.machine_mounts, CLONE_NEWNS) != 0) {
    give_up(plan, "cannot see the machine's mounts");
  }
  if (::chdir(plan.directory) != 0) give_up(plan, "cannot enter the working directory");
  if (plan.cpus != nullptr) (void)::sched_setaffinity(0, sizeof *plan.cpus, plan.cpus);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  limit(RLIMIT_FSIZE, plan.file_size, plan.file_size);  // after the record: the journal may be longer than the limit
  limit(RLIMIT_DATA, plan.memory, plan.memory);
  if (const char* failed = plan.confinement->enter()) give_up(plan, failed);
  ::execve(plan.program, plan.argv, plan.environment);
  give_up(plan, "cannot be executed");
}

// As vfork does: in our memory, and we wait for the exec. The thread sanitizer (clang's) knows no second process in its
// memory: there the child has a copy.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MILLRACE_CHILD_HAS_A_COPY
#endif
#endif
#ifdef MILLRACE_CHILD_HAS_A_COPY
constexpr int kSharing = CLONE_VFORK;
#else
constexpr int kSharing = CLONE_VM | CLONE_VFORK;
#endif

// posix_spawn knows neither namespaces nor limits nor a word on what went wrong before the exec.
pid_t clone_into(const Plan& plan, const ChildMemory& memory) {
  const int namespaces = plan.sandbox != nullptr ? plan.sandbox->clone_flags() : 0;
  const auto child = [](void* argument) -> int { become(*static_cast<const Plan*>(argument)); };
  const int flags = namespaces | kSharing | CLONE_PARENT_SETTID | SIGCHLD;
  return ::clone(child, memory.top_of_stack(), flags, const_cast<Plan*>(&plan), &plan.outcome->pid);
}

// `count` of the processors that this process may use, others for other keys.
std::optional<cpu_set_t> some_cpus(unsigned count, const std::string& key) {
  cpu_set_t usable, chosen;
  CPU_ZERO(&chosen);
  if (count == 0 || ::sched_getaffinity(0, sizeof usable, &usable) != 0) return std::nullopt;
  if (static_cast<unsigned>(CPU_COUNT(&usable)) <= count) return std::nullopt;
  const std::size_t start = std::hash<std::string>()(key);
  std::vector<int> all;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &usable)) all.push_back(cpu);
  }
  for (unsigned i = 0; i < count; ++i) CPU_SET(all[(start + i) % all.size()], &chosen);
  return chosen;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// A child may have been where this file is to be: no link is followed, and nobody is waited for at a pipe.
Result<Fd> open_output(const std::filesystem::path& path, const ChildUser* owner) {
  Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0)
    return fail(system_error("cannot open the output file " + path.string(), errno));
  const bool is_file = S_ISREG(info.st_mode) && info.st_nlink == 1;
  if (!is_file && !S_ISCHR(info.st_mode))
    return fail(Code::invalid_argument, fmt::format("{} is no file of its own", path.string()));
  ::fcntl(file.get(), F_SETFL, O_APPEND);
  // A program may open it again, by /dev/stdout.
  if (is_file && owner != nullptr && info.st_uid != owner->user && ::fchown(file.get(), owner->user, owner->group) != 0)
    return fail(system_error("cannot give away the output file " + path.string(), errno));
  return file;
}

// The same file, with a position of its own. None where that cannot be had, which is no reason to start nothing.
Fd open_again(const Fd& output) {
  char name[32];
  *fmt::format_to_n(name, sizeof name - 1, "/proc/self/fd/{}", output.get()).out = '\0';
  return Fd(::open(name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY));
}

Confinement::Kind confinement_of(const LaunchSpec& spec) {
  if (spec.sandbox) return spec.sandbox->may_nest ? Confinement::Kind::nesting : Confinement::Kind::sandboxed;
  return spec.as_server ? Confinement::Kind::none : Confinement::Kind::bare;
}

rlim_t limit_or_none(std::uint64_t value) { return value == 0 ? RLIM_INFINITY : static_cast<rlim_t>(value); }

}  // namespace

Result<std::string> find_program(const LaunchSpec& spec) {
  struct stat info{};
  const std::string directory = spec.working_directory.native();
  std::string of_machine = directory;  // where a sandbox mounts one there, that one
  for (const Mount& mount : spec.sandbox ? spec.sandbox->mounts : std::vector<Mount>()) {
    const bool binds = mount.kind == Mount::Kind::writable || mount.kind == Mount::Kind::read_only;
    if (binds && mount.target == directory) of_machine = (mount.source / mount.below).native();
  }
  if (::stat(of_machine.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return fail(Code::invalid_argument, fmt::format("the working directory {} does not exist", directory));
  }
  const std::string& name = spec.argv.front();
  if (name.find('/') != std::string::npos) {
    const bool absolute = name.front() == '/';
    MR_TRY(executable(absolute ? name : of_machine + "/" + name));
    return absolute ? name : directory + "/" + name;
  }
  std::string_view path = kDefaultPath;
  for (const auto& [variable, value] : spec.environment) {
    if (variable == "PATH") path = value;
  }
  std::optional<Error> denied;
  for (const std::string_view part : split(path, ':')) {
    if (part.empty() || name.empty()) continue;
    std::string candidate = fmt::format("{}/{}", part, name);
    const auto usable = executable(candidate);
    if (usable) return candidate;
    if (usable.error().code == Code::permission_denied) denied = usable.error();
  }
  if (denied) return fail(std::move(*denied));
  return fail(Code::not_found, fmt::format("no program '{}' on the PATH {}", name, path));
}

Result<Spawned> spawn(const LaunchSpec& spec, const std::string& program, int journal, const std::string& record_prefix,
                      SandboxBases& bases, int machine_mounts) {
  std::optional<SandboxPlan> sandbox;
  if (spec.sandbox) sandbox = MR_TRY(SandboxPlan::make(*spec.sandbox, bases, spec.user));
  const Confinement confinement(confinement_of(spec), spec.user);
  const ChildUser* owner = spec.sandbox && spec.user ? &*spec.user : nullptr;
  const auto cpus = some_cpus(spec.cpus, spec.key);
  std::vector<std::string> variables;
  for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
  const auto argv = pointers(spec.argv), environment = pointers(variables);
  const std::string directory = spec.working_directory.native();

  static const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing) return fail(Code::internal, "cannot open /dev/null");
  Fd output = MR_TRY(open_output(spec.stdout_path, owner));
  Fd errors_own;
  if (spec.stderr_path != spec.stdout_path)
    errors_own = MR_TRY(open_output(spec.stderr_path, owner));
  else
    errors_own = open_again(output);

  static thread_local const ChildMemory memory;
  if (!memory) return fail(Code::resource_exhausted, "there is no memory to start another process");
  Outcome& outcome = *memory.outcome();
  outcome = {};
  outcome.start.from = ticks_now();
  const Plan plan{program.c_str(),
                  argv.data(),
                  environment.data(),
                  directory.c_str(),
                  nothing.get(),
                  output.get(),
                  errors_own ? errors_own.get() : output.get(),
                  journal,
                  record_prefix.data(),
                  record_prefix.size(),
                  limit_or_none(spec.memory_limit_bytes),
                  limit_or_none(spec.cpu_limit_seconds),
                  limit_or_none(spec.file_size_limit_bytes),
                  cpus ? &*cpus : nullptr,
                  sandbox ? &*sandbox : nullptr,
                  &confinement,
                  machine_mounts,
                  &outcome};
  const pid_t pid = clone_into(plan, memory);
  if (pid < 0) return fail(system_error("cannot start another process", errno));
  if (outcome.failed != nullptr) {
    int ignored = 0;
    ::waitpid(pid, &ignored, 0);
    Error error = system_error(fmt::format("{}: {}", program, outcome.failed), outcome.error_number);
    if (outcome.error_number == ENOEXEC || outcome.error_number == E2BIG) error.code = Code::invalid_argument;
    return fail(std::move(error));
  }
  return Spawned{pid, outcome.start, std::move(output), std::move(errors_own)};
}

Status sandbox_available(const std::filesystem::path& directory) {
  const std::filesystem::path root = directory / "root";
  MR_TRY(make_directories(root, 0700));
  LaunchSpec spec;
  spec.key = "probe";
  spec.argv = {"/bin/true"};
  spec.working_directory = "/";
  spec.stdout_path = spec.stderr_path = "/dev/null";
  spec.sandbox = Sandbox{{directory}, {}};
  spec.user = child_user();
  const Fd journal(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  SandboxBases bases(root, false);
  const Spawned child = MR_TRY(spawn(spec, spec.argv[0], journal.get(), "", bases, -1));
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Code::unavailable, fmt::format("a process in a sandbox ended with status {}", status));
}

}  // namespace millrace::proc
