#pragma once
// What a child is confined to, as data.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace millrace::proc {

// What a child sees in the place of the machine's own files.
struct Mount {
  enum class Kind {
    writable,   // source, to be written to
    read_only,  // source, which may be a file
    memory,     // an empty directory in memory, of at most size_bytes (0: half of the machine's memory)
    files,      // a read-only directory in memory that holds `files`
  } kind = Kind::writable;
  std::filesystem::path source;  // a directory of the machine, or a file (see read_only)
  std::string target;            // absolute; made in the child's own root where the machine has none
  std::uint64_t size_bytes = 0;
  std::vector<std::pair<std::string, std::string>> files;  // name, bytes; mode 0444
  // Relative to `source`, of what children may have written to: what is mounted is found there when the child starts,
  // beneath `source` and through no link of any kind, or the launch fails. Empty: the source itself.
  std::filesystem::path below = {};
};

// Namespaces of the child's own (mount, process, IPC, host name): it sees the machine's files read-only, without homes,
// sockets and devices, and no other process. It has no capabilities and gets none, makes only the system calls of an
// ordinary program (system_calls.h), has no terminal, and runs as the children's user (child_user.h). Its first process
// is the program itself. Needs root, or a kernel that gives user namespaces to users; see sandbox_available(). What is
// confined and what is not: docs/security.md.
struct Sandbox {
  std::vector<std::filesystem::path> hidden;  // directories and files of the machine that are empty in it
  // One whose target lies in another's is seen there, made if need be; of two with the same target the later one
  // counts. The directory of a writable one belongs to the children's user afterwards; what lies in it already does not
  // (give_to_child()). What lies in a hidden directory, the server's, is reached from there through no link.
  std::vector<Mount> mounts;
  bool network = true;  // the machine's; false: one of its own, with nothing but a loopback
  // Its program makes user and mount namespaces for what it starts, and limits that itself
  // (system_call_filter_bytes()).
  bool may_nest = false;
  // What is seen, read-only, though it is hidden. Empty: this program and the Python installations on this process's
  // PATH (machine_places.h).
  std::vector<std::filesystem::path> programs = {};
};

}  // namespace millrace::proc
