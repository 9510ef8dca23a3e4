#pragma once
// Child processes that outlive the server.
//
// A launcher is a separate small process (`millrace launcher <dir>`), started on demand, one per data directory. It
// starts children, waits for them, and writes each one's exit status to disk, so that a server killed with -9 comes
// back, finds what still runs and what has ended, and loses nothing. The server speaks to it over a Unix socket in
// <dir>. When the server says goodbye (shutdown), the launcher ends all children and itself; when the server merely
// vanishes, the launcher goes on, and ends by itself once no child runs and no server has been connected for 60 s.
//
// launch() is idempotent by key: a key that was ever launched is not started again.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "proc/child_user.h"
#include "proc/sandbox_spec.h"

namespace millrace::proc {

struct LaunchSpec {
  std::string key;                // unique for ever: "run/<run id>/<task path>/<attempt>", at most 512 bytes
  std::vector<std::string> argv;  // argv[0] is looked up on PATH of `environment` when it has no '/'
  std::vector<std::pair<std::string, std::string>> environment;  // the whole environment; nothing is inherited
  std::filesystem::path working_directory;                       // may be the target of a mount of the sandbox
  std::filesystem::path stdout_path;                             // appended; created 0600
  std::filesystem::path stderr_path;                             // may equal stdout_path
  std::uint64_t memory_limit_bytes = 0;                          // RLIMIT_DATA: what the process may write to; 0: none
  std::uint64_t cpu_limit_seconds = 0;                           // RLIMIT_CPU; 0: none
  std::uint64_t file_size_limit_bytes = 0;                       // RLIMIT_FSIZE; 0: none
  unsigned cpus = 0;  // it runs on so many of the machine's processors at once; 0: on all
  // Without one a child has the server's user, but nothing that would give it more rights, and the same system calls.
  std::optional<Sandbox> sandbox;
  bool as_server = false;         // with all that the server may do: the client of a container engine
  std::optional<ChildUser> user;  // of one in a sandbox; nullopt: child_user()
  // false: what is noted of it survives the death of launcher and server, but perhaps not the machine's: a key that was
  // started shortly before that may be unknown after it, which boot_id() tells.
  bool synced = true;
};

struct ChildStatus {
  enum class State { running, exited, lost };  // lost: it was started, and nobody saw how it ended
  State state = State::running;
  std::int64_t pid = 0;
  int exit_code = 0;  // exited: 0-255, or 128 + signal
  int signal = 0;     // exited by this signal; 0 otherwise
  // Of one that failed and has one log for both: where in it the last of its standard error ends. 0: it wrote none, or
  // nobody knows.
  std::uint64_t errors_end = 0;
  Time started{};
  Time ended{};
};

class Launcher {
 public:
  // Called on the launcher client's own thread, once per child that ends while this server is connected. It must not
  // wait for answers, which nobody else would read (internal); launch_async() does not.
  using ExitHandler = std::function<void(const std::string& key, const ChildStatus& status)>;

  // Connects to the launcher of `directory` (0700), starting `executable launcher <directory>` when none answers.
  static Result<std::unique_ptr<Launcher>> open(const std::filesystem::path& directory,
                                                const std::filesystem::path& executable, ExitHandler on_exit);
  virtual ~Launcher() = default;  // disconnects; children go on

  // `done` is called once, once the child runs and that fact is on disk; for a known key with its present status. It is
  // called on the client's own thread, before the exit handler hears of the child's end, and must not make requests.
  // Errors: not_found (no such program), permission_denied, invalid_argument, unavailable (launcher gone).
  using LaunchDone = std::function<void(Result<ChildStatus>)>;
  virtual void launch_async(const LaunchSpec& spec, LaunchDone done) = 0;
  // The same, waited for.
  Result<ChildStatus> launch(const LaunchSpec& spec);
  virtual Result<std::optional<ChildStatus>> status(const std::string& key) = 0;  // nullopt: never launched
  // SIGTERM to the child's process group, SIGKILL after `grace`. Ended or unknown children: success.
  virtual Status stop(const std::string& key, Millis grace) = 0;
  // Forgets the records of ended children whose key is `key` or begins with `key` and a '/' (their keys may then be
  // used again). Records of running children stay.
  virtual Status forget(const std::string& key) = 0;
  // Ends all children (SIGTERM, then SIGKILL after `grace`) and the launcher.
  virtual Status shutdown(Millis grace) = 0;
};

// Can this machine give a child a sandbox? Tried once, with a child that ends at once; the reason where it cannot.
Status sandbox_available(const std::filesystem::path& directory);

// The launcher role's main(): serves until it may end. Returns the exit code.
int launcher_main(const std::filesystem::path& directory);

}  // namespace millrace::proc
