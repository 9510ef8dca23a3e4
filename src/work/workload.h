#pragma once
// What is to run, whoever runs it: a task of a pipeline, a job, a model server, in terms that a process of this
// machine, a container and a pod can all be made of. Backends are in backend.h.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "proc/sandbox_spec.h"

namespace millrace::work {

using proc::Mount;
using proc::Sandbox;

using Variables = std::vector<std::pair<std::string, std::string>>;

struct Workload {
  std::string key;  // unique for ever: "run/<run id>/<task path>/<attempt>", at most 512 bytes
  // Empty: `command` is a program of this machine, and the environment is the whole of it. Else a container of this
  // image: an empty `command` is the image's entry point, an empty `working_directory` the image's, and the environment
  // is added to the image's.
  std::string image;
  std::vector<std::string> command;  // [0] is looked up on PATH of `environment` when it has no '/'
  std::vector<std::string> arguments;
  Variables environment;
  std::filesystem::path working_directory;  // may be the target of a mount
  // Of this machine: what the workload prints is appended, both its outputs in order. Made 0600. A backend that runs it
  // elsewhere copies what it follows there, all of it before the end is reported; so a log is read one way
  // (proc/child_log.h), wherever its workload runs.
  std::filesystem::path log;
  std::uint64_t memory_limit_bytes = 0;     // what it may write to; 0: no limit
  std::uint64_t cpu_limit_seconds = 0;      // of processor time; 0: no limit
  std::uint64_t file_size_limit_bytes = 0;  // of each file that it writes; 0: no limit
  unsigned cpus = 0;                        // it runs on so many processors at once; 0: on all
  // What it sees: mounts, network, what is hidden. Sources of mounts are directories of this machine, the inputs and
  // the outputs: a backend that runs it elsewhere brings the ones there and the others back, before the end is
  // reported. Without one it is a process with the server's user, and sees this machine as that user does.
  std::optional<Sandbox> sandbox;
  std::optional<std::int64_t> run_as_user, run_as_group;  // in a container; empty: the image's
  // In a container: not 0: it has a network of its own, where it listens on this TCP port; this machine reaches it at
  // Backend::published_port() of loopback, and it reaches this machine as host.containers.internal.
  std::uint16_t published_port = 0;
  bool as_server = false;  // with all that the server may do: the client of a container engine
  // false: what is noted of its start survives the death of the server, but perhaps not the machine's; who started it
  // compares proc::boot_id().
  bool synced = true;
};

struct WorkStatus {
  enum class State {
    pending,  // accepted, not started: it waits for a machine or for its image
    running,
    exited,
    lost,  // it was started, and nobody saw how it ended
  };
  State state = State::running;
  int exit_code = 0;  // exited: 0-255, or 128 + signal
  int signal = 0;     // exited by this signal; 0 otherwise
  // Of one that failed: where in its log the last of its standard error ends. 0: it wrote none, or nobody knows.
  std::uint64_t errors_end = 0;
  Time started{};
  Time ended{};

  bool is_over() const { return state == State::exited || state == State::lost; }
  bool succeeded() const { return state == State::exited && exit_code == 0 && signal == 0; }
  bool was_killed() const { return state == State::lost || signal != 0; }
};

}  // namespace millrace::work
