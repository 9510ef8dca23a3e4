#pragma once
// Starting one child.

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "proc/journal.h"
#include "proc/launcher.h"
#include "proc/sandbox.h"

namespace millrace::proc {

// What can be checked before anything is started: the program exists and may be executed, the directory exists.
// Yields the program's path.
Result<std::string> find_program(const LaunchSpec& spec);

struct Spawned {
  pid_t pid = 0;
  StartTicks start;
  // Its log, or logs, as it has them. Also of one log for both each has an open file of its own, whose position says
  // where that stream's last write ended.
  Fd output, errors;
};
// `bases`: of those that have a sandbox. `machine_mounts`: the mount namespace of those that have none; -1: this
// process's. The child leads a process group of its own, reads /dev/null, and has appended
// `record_prefix`<pid>,"start":<ticks>,"until":<ticks>}\n to `journal` before it became the program. Error: no child is
// left.
Result<Spawned> spawn(const LaunchSpec& spec, const std::string& program, int journal, const std::string& record_prefix,
                      SandboxBases& bases, int machine_mounts);

}  // namespace millrace::proc
