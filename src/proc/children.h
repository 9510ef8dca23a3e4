#pragma once
// The launcher's children: which there are, which have ended, which must end by when. No sockets here.

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "base/worker_pool.h"
#include "proc/journal.h"
#include "proc/launcher.h"
#include "proc/log_limit.h"
#include "proc/spawn.h"

namespace millrace::proc {

class Children {
 public:
  static constexpr std::size_t kMaxRunning = 4'096;
  static constexpr std::size_t kMaxRecords = 500'000;  // running and ended; forget() makes room
  using Steady = std::chrono::steady_clock::time_point;
  using OnExit = std::function<void(const std::string& key, const ChildStatus&)>;

  // `machine_mounts`: the machine's mount namespace, where this process has left it for one of its own; else none.
  Children(const Clock& clock, Fd machine_mounts, OnExit on_exit);

  // Reads the journal: what still runs is watched (watch() gives its descriptor), the rest has ended or is lost.
  Status open(const std::filesystem::path& directory);

  // launch() in two steps, so that several launches share one sync of the journal. stage() answers at once for a known
  // key and for what cannot be started; nullopt: staged, and start_staged(), which starts so many of them (on several
  // threads, for each waits until its child has become the program), answers `done`.
  using Done = std::function<void(Result<ChildStatus>)>;
  std::optional<Result<ChildStatus>> stage(LaunchSpec spec, Done done);
  void start_staged(std::size_t limit = SIZE_MAX);
  bool anything_staged() const { return !staged_.empty(); }

  std::optional<ChildStatus> status(const std::string& key) const;
  void stop(const std::string& key, Millis grace);
  void stop_all(Millis grace);
  Status forget(const std::string& key);
  std::size_t running() const { return running_.size(); }
  void set_log_limit(std::uint64_t bytes) { logs_.set(bytes); }  // of each child's log; 0: none

  void reap();                 // after SIGCHLD
  void adopted_may_be_gone();  // after a watched descriptor became readable
  void tick();                 // kills whose grace is over; tries again what could not be saved
  std::optional<Steady> next_tick() const;
  const std::vector<int>& watch() const { return watch_; }

 private:
  struct Running {
    std::string key;
    bool adopted = false;  // started by an earlier launcher: its exit status cannot be known
    Fd pidfd;              // adopted only
    std::optional<Steady> kill_at;
    bool first_of_namespace = false;
    bool synced = true;
    // Of one in a sandbox, while there are not many. The kernel takes a namespace's mounts apart when its last holder
    // goes, which takes as long as starting a program: that is to be this process, not the child, whose end others wait
    // for.
    Fd mounts;
    Fd errors;  // its standard error, where that goes to the log of its output; of kMaxHeldErrors at most
  };
  struct Staged {
    LaunchSpec spec;
    std::string program;
    Done done;
  };
  std::vector<Result<Spawned>> spawn_all(std::span<const Staged> items);
  void take_in(const LaunchSpec& spec, Spawned spawned);
  void signal_group(std::int64_t pid, Running& running, int signal);
  void stop_one(std::int64_t pid, Running& running, Millis grace);
  void ended(std::int64_t pid, ChildStatus::State state, int wait_code, int wait_status);
  void save_ended();
  Status shorten();

  const Clock& clock_;
  const OnExit on_exit_;
  std::string boot_;
  std::filesystem::path directory_;
  const Fd machine_mounts_;
  std::optional<SandboxBases> bases_;
  Journal journal_;
  Records records_;
  std::map<std::int64_t, Running> running_;  // by pid
  std::deque<Staged> staged_;
  std::size_t saved_staged_ = 0;                   // of staged_, from the front: their lines are in the journal
  bool sync_staged_ = false, sync_ended_ = false;  // a line that is not yet written asks for it
  std::vector<std::string> unsaved_;               // ended, not yet on disk: the server has not been notified
  std::optional<Steady> retry_save_;
  std::vector<int> watch_;
  LogLimit logs_;
  WorkerPool spawners_;  // beside the launcher's own thread
  WorkerPool closers_;   // of Running::mounts
};

}  // namespace millrace::proc
