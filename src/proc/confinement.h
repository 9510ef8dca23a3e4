#pragma once
// What a child gives up at the last moment before it becomes its program: its user, its capabilities, all ways to get
// them back, system calls, and resources without end. System calls alone: the child shares our memory until the exec.

#include <linux/filter.h>

#include <optional>

#include "proc/child_user.h"

namespace millrace::proc {

inline constexpr unsigned kMaxOpenFiles = 4'096;  // the soft limit; a program may raise it to the hard one, as given
// Processes and threads of all children together, where they have a user or a user namespace of their own.
inline constexpr unsigned kMaxChildProcesses = 16'384;

class Confinement {
 public:
  enum class Kind {
    none,       // the server's own helper: the client of a container engine
    bare,       // without namespaces: the server's user, since another one could not reach its files
    sandboxed,  // in namespaces of its own
    nesting,    // the same, but it may make namespaces for what it starts
  };
  // Whatever has to be prepared is, here. `user`: of one in a sandbox.
  Confinement(Kind kind, std::optional<ChildUser> user);

  // In the child, after everything that needs a right. nullptr: done; otherwise what failed, with errno set.
  const char* enter() const noexcept;
  int descriptor() const { return scope_; }  // has to be open then; -1: none

 private:
  Kind kind_;
  std::optional<ChildUser> user_;
  sock_fprog filter_{};
  int scope_ = -1;  // a Landlock ruleset; -1: the kernel has none
};

}  // namespace millrace::proc
