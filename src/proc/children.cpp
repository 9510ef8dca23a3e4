#include "proc/children.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "base/log.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "proc/process_info.h"

namespace millrace::proc {
namespace {

constexpr std::size_t kMaxKeyBytes = 512;
constexpr std::chrono::seconds kSaveRetry{1};
constexpr std::uint64_t kLongJournal = 8u << 20;  // bytes; a shorter one is left as it is
constexpr std::size_t kLineBytes = 128;           // about; a record has three lines
constexpr std::size_t kWorthShortening = 12;      // lines a record: then three of four lines are of the past
constexpr unsigned kMaxSpawners = 4;              // threads that start children
constexpr std::size_t kMaxHeldMounts = 256;       // a process has 1,024 descriptors unless it is given more
constexpr std::size_t kMaxHeldErrors = 256;       // descriptors of standard errors

using State = ChildStatus::State;

std::chrono::steady_clock::time_point steady_now() { return std::chrono::steady_clock::now(); }

// The header of glibc 2.36 declares pidfd_open without C linkage.
Fd open_process(std::int64_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

// Does the process that was recorded still run? Its number may be another's by now, which then started later.
bool is_process_of(const Record& record) {
  const auto ticks = start_ticks(record.status.pid);
  return ticks && *ticks >= record.start.from && *ticks <= record.start.until;
}

Status validate(const LaunchSpec& spec) {
  const auto invalid = [](std::string message) { return fail(Code::invalid_argument, std::move(message)); };
  if (spec.key.empty() || spec.key.size() > kMaxKeyBytes || !is_valid_utf8(spec.key)) {
    return invalid(fmt::format("a child's key is UTF-8 text of 1 to {} bytes", kMaxKeyBytes));
  }
  if (spec.argv.empty()) return invalid("a child needs a program to run");
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (std::any_of(spec.argv.begin(), spec.argv.end(), has_nul)) return invalid("an argument holds a zero byte");
  for (const auto& [name, value] : spec.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return invalid(fmt::format("the environment variable '{}' cannot be passed on", name));
    }
  }
  if (spec.working_directory.empty() || spec.stdout_path.empty() || spec.stderr_path.empty()) {
    return invalid("a child needs a working directory and files for its output");
  }
  return {};
}

}  // namespace

Children::Children(const Clock& clock, Fd machine_mounts, OnExit on_exit)
    : clock_(clock),
      on_exit_(std::move(on_exit)),
      machine_mounts_(std::move(machine_mounts)),
      spawners_(std::clamp(std::thread::hardware_concurrency(), 2u, kMaxSpawners) - 1, kMaxSpawners, "spawner"),
      closers_(1, kMaxHeldMounts, "mount-closer") {}

Status Children::open(const std::filesystem::path& directory) {
  boot_ = boot_id();
  directory_ = directory;
  MR_TRY(make_directories(directory / "root", 0700));
  bases_.emplace(directory / "root", static_cast<bool>(machine_mounts_));
  const auto file = directory / "journal";
  records_ = MR_TRY(Journal::load(file));
  for (auto& [key, record] : records_) {
    if (record.status.state != State::running) continue;
    const std::int64_t pid = record.status.pid;
    Fd pidfd;
    if (pid != 0 && record.boot == boot_) pidfd = open_process(pid);
    // Asked after the descriptor is held, so that it is known to be of the same process.
    if (pidfd && is_process_of(record)) {
      watch_.push_back(pidfd.get());
      logs_.watch(pid, find_log(pid, record.log), record.log);
      running_[pid] = Running{key, true, std::move(pidfd), std::nullopt, is_first_of_namespace(pid), true, {}, {}};
      continue;
    }
    record.status.state = State::lost;
    record.status.ended = clock_.now();
  }
  return journal_.start(file, records_);
}

std::optional<Result<ChildStatus>> Children::stage(LaunchSpec spec, Done done) {
  using Answer = std::optional<Result<ChildStatus>>;
  if (auto valid = validate(spec); !valid) return Answer(fail(valid.error()));
  if (const auto known = records_.find(spec.key); known != records_.end()) {
    const bool staged =
        std::any_of(staged_.begin(), staged_.end(), [&](const Staged& s) { return s.spec.key == spec.key; });
    if (!staged) return Answer(known->second.status);
    start_staged();
    return stage(std::move(spec), std::move(done));
  }
  if (running_.size() + staged_.size() >= kMaxRunning) {
    return Answer(fail(Code::resource_exhausted, fmt::format("{} children run already", kMaxRunning)));
  }
  if (records_.size() >= kMaxRecords) {
    return Answer(fail(Code::resource_exhausted, "too many ended children are remembered; forget some"));
  }
  auto program = find_program(spec);
  if (!program) return Answer(fail(program.error()));
  Record& record = records_[spec.key];
  record.status.started = clock_.now();
  record.boot = boot_;
  record.log = spec.stdout_path;
  journal_.launching(spec.key, record.status.started, record.log);
  sync_staged_ = sync_staged_ || spec.synced;
  staged_.push_back({std::move(spec), std::move(*program), std::move(done)});
  return std::nullopt;
}

void Children::start_staged(std::size_t limit) {
  if (staged_.empty()) return;
  Status saved;
  if (saved_staged_ < staged_.size()) {
    saved = journal_.flush(std::exchange(sync_staged_, false) ? Journal::Sync::yes : Journal::Sync::no);
    if (saved)
      saved_staged_ = staged_.size();
    else
      journal_.drop_unflushed();
  }
  // What could not be noted is not started, and hears so now.
  const std::size_t count = saved ? std::min(limit, staged_.size()) : staged_.size();
  const std::size_t noted = std::min(count, saved_staged_);
  const auto end = staged_.begin() + static_cast<std::ptrdiff_t>(count);
  const std::vector<Staged> items(std::move_iterator(staged_.begin()), std::move_iterator(end));
  staged_.erase(staged_.begin(), end);
  saved_staged_ -= noted;
  auto spawned = spawn_all({items.data(), noted});
  for (std::size_t i = 0; i < count; ++i) {
    const std::string& key = items[i].spec.key;
    if (i < noted && spawned[i]) {
      take_in(items[i].spec, std::move(*spawned[i]));
      items[i].done(records_[key].status);
      continue;
    }
    records_.erase(key);
    if (i < noted) journal_.forgotten(key);
    items[i].done(fail(i < noted ? spawned[i].error() : saved.error()));
  }
  if (auto status = journal_.flush(Journal::Sync::no); !status) log::error("{}", status.error().message);
}

// None has ended, for the launcher, before all are there: it reaps on this thread.
std::vector<Result<Spawned>> Children::spawn_all(std::span<const Staged> items) {
  std::vector<Result<Spawned>> spawned(items.size());
  std::atomic<std::size_t> next = 0;
  const auto spawn_some = [&] {
    for (std::size_t i = next++; i < items.size(); i = next++) {
      const LaunchSpec& spec = items[i].spec;
      spawned[i] = spawn(spec, items[i].program, journal_.descriptor(), Journal::started_prefix(spec.key, boot_),
                         *bases_, machine_mounts_.get());
    }
  };
  Mutex mutex;
  CondVar changed;
  std::size_t at_work = std::min<std::size_t>(items.size(), kMaxSpawners);  // this thread too
  const auto done = [&] {
    const MutexLock lock(mutex);
    --at_work;
    changed.notify_one();
  };
  for (std::size_t i = at_work; i > 1; --i) {
    if (!spawners_.submit([&] { spawn_some(), done(); })) done();
  }
  spawn_some();
  if (!items.empty()) done();
  const MutexLock lock(mutex);
  while (at_work > 0) changed.wait(mutex);
  return spawned;
}

void Children::take_in(const LaunchSpec& spec, Spawned spawned) {
  Record& record = records_[spec.key];
  record.status.pid = spawned.pid;
  record.start = spawned.start;
  logs_.watch(spawned.pid, std::move(spawned.output), spec.stdout_path);
  const bool one_log = spec.stdout_path == spec.stderr_path;
  if (!one_log) logs_.watch(spawned.pid, std::move(spawned.errors), spec.stderr_path);
  Running& running = running_[spawned.pid];
  running = Running{spec.key, false, {}, std::nullopt, spec.sandbox.has_value(), spec.synced, {}, {}};
  if (one_log && running_.size() <= kMaxHeldErrors) running.errors = std::move(spawned.errors);
  if (spec.sandbox && running_.size() <= kMaxHeldMounts)
    running.mounts = Fd(::open(fmt::format("/proc/{}/ns/mnt", spawned.pid).c_str(), O_RDONLY | O_CLOEXEC));
}

std::optional<ChildStatus> Children::status(const std::string& key) const {
  const auto found = records_.find(key);
  if (found == records_.end()) return std::nullopt;
  ChildStatus status = found->second.status;
  // Until it is on disk, an end is not reported to anyone.
  if (std::find(unsaved_.begin(), unsaved_.end(), key) != unsaved_.end())
    status = {State::running, status.pid, 0, 0, 0, status.started, {}};
  return status;
}

void Children::signal_group(std::int64_t pid, Running& running, int signal) {
  // An adopted child is not ours to reap: its pid may have gone to another process.
  if (running.adopted && !is_process_of(records_[running.key])) return;
  if (::kill(static_cast<pid_t>(-pid), signal) != 0 && errno != ESRCH) {
    log::warn("cannot signal process group {}: error {}", pid, errno);
  }
}

void Children::stop_one(std::int64_t pid, Running& running, Millis grace) {
  const Steady at = steady_now() + grace;
  if (running.kill_at && *running.kill_at <= at) return;  // a stop with less patience is under way
  if (!running.kill_at && grace > Millis(0)) {
    signal_group(pid, running, SIGTERM);
    // A stopped process would not see the SIGTERM. Others are not sent it: the client of a container passes on what it
    // gets, and reports in its program's log that there is nobody any more.
    if (is_stopped(pid)) signal_group(pid, running, SIGCONT);
    // The first process of a namespace does not receive the signals that it does not handle; anywhere else it would
    // have ended.
    if (running.first_of_namespace && !catches(pid, SIGTERM)) {
      running.kill_at = steady_now();
      return;
    }
  }
  running.kill_at = at;
}

void Children::stop(const std::string& key, Millis grace) {
  const auto record = records_.find(key);
  if (record == records_.end()) return;
  const auto found = running_.find(record->second.status.pid);
  if (found == running_.end() || found->second.key != key) return;
  stop_one(found->first, found->second, grace);
  tick();
}

void Children::stop_all(Millis grace) {
  for (auto& [pid, running] : running_) stop_one(pid, running, grace);
  tick();
}

Status Children::forget(const std::string& key) {
  save_ended();
  std::vector<Records::iterator> found;
  if (const auto exact = records_.find(key); exact != records_.end()) found.push_back(exact);
  const std::string within = key + "/";
  for (auto at = records_.lower_bound(within); at != records_.end() && at->first.starts_with(within); ++at)
    found.push_back(at);
  std::erase_if(found, [](const auto& record) { return record->second.status.state == State::running; });
  if (found.empty()) return {};
  for (const std::string& unsaved : unsaved_) {
    if (unsaved == key || unsaved.starts_with(within))
      return fail(Code::unavailable, "the child's end could not be saved yet");
  }
  for (const auto& record : found) {
    journal_.forgotten(record->first);
    records_.erase(record);
  }
  // Not synced: after a crash of the machine the record may be back, which harms nobody.
  MR_TRY(journal_.flush(Journal::Sync::no));
  return shorten();
}

// No child is between its start and its line in the journal now: spawn() returns after that line.
Status Children::shorten() {
  if (journal_.size() < kLongJournal || journal_.size() / kLineBytes < kWorthShortening * records_.size()) return {};
  return journal_.start(directory_ / "journal", records_);
}

void Children::reap() {
  while (true) {
    siginfo_t info{};
    // Look first, reap later: while the zombie stands, its process group's number cannot be given to anyone else.
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) break;
    const auto found = running_.find(info.si_pid);
    const bool ours = found != running_.end() && !found->second.adopted;
    // As in a container: when the first process ends, what it left behind ends too.
    if (ours) ::kill(-info.si_pid, SIGKILL);
    int status = 0;
    ::waitpid(info.si_pid, &status, 0);
    if (ours) ended(info.si_pid, State::exited, info.si_code, info.si_status);
  }
  save_ended();
}

void Children::adopted_may_be_gone() {
  std::vector<std::int64_t> gone;
  for (const auto& [pid, running] : running_) {
    if (running.adopted && !is_process_of(records_[running.key])) gone.push_back(pid);
  }
  for (const std::int64_t pid : gone) ended(pid, State::lost, 0, 0);
  save_ended();
}

void Children::ended(std::int64_t pid, State state, int wait_code, int wait_status) {
  const auto found = running_.find(pid);
  const std::string key = found->second.key;
  sync_ended_ = sync_ended_ || found->second.synced;
  if (const int mounts = found->second.mounts.release(); mounts >= 0) {
    if (!closers_.submit([mounts] { ::close(mounts); })) ::close(mounts);
  }
  ChildStatus& status = records_[key].status;
  const bool failed = wait_code != CLD_EXITED || wait_status != 0;
  const off_t errors_end = failed && found->second.errors ? ::lseek(found->second.errors.get(), 0, SEEK_CUR) : 0;
  status.errors_end = errors_end > 0 ? static_cast<std::uint64_t>(errors_end) : 0;
  running_.erase(found);
  logs_.release(pid);
  records_[key].log.clear();
  status.state = state;
  status.ended = clock_.now();
  if (state == State::exited) {
    const bool by_signal = wait_code != CLD_EXITED;
    status.signal = by_signal ? wait_status : 0;
    status.exit_code = by_signal ? 128 + wait_status : wait_status;
  }
  unsaved_.push_back(key);
}

// One sync for all that have ended since the last one; then the server hears of them.
void Children::save_ended() {
  if (unsaved_.empty()) return;
  if (!staged_.empty()) start_staged();  // their lines are in the journal's buffer, and must not be dropped with ours
  for (const auto& key : unsaved_) journal_.ended(key, records_[key].status);
  if (auto saved = journal_.flush(sync_ended_ ? Journal::Sync::yes : Journal::Sync::no); !saved) {
    journal_.drop_unflushed();
    log::error("an exit status could not be saved, trying again: {}", saved.error().message);
    retry_save_ = steady_now() + kSaveRetry;
    return;
  }
  retry_save_.reset();
  sync_ended_ = false;
  const std::vector<std::string> saved = std::move(unsaved_);
  unsaved_.clear();
  for (const auto& key : saved) on_exit_(key, records_[key].status);
}

void Children::tick() {
  const auto now = steady_now();
  for (auto& [pid, running] : running_) {
    if (!running.kill_at || *running.kill_at > now) continue;
    signal_group(pid, running, SIGKILL);
    running.kill_at = now + std::chrono::seconds(1);  // again, should it have forked in between
  }
  if (retry_save_ && *retry_save_ <= now) save_ended();
}

std::optional<Children::Steady> Children::next_tick() const {
  std::optional<Steady> next = retry_save_;
  for (const auto& [pid, running] : running_) {
    if (running.kill_at && (!next || *running.kill_at < *next)) next = running.kill_at;
  }
  return next;
}

}  // namespace millrace::proc
