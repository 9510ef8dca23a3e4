#pragma once
// Which processes of this machine hold a socket, and whose descendants they are, as /proc says. What this process may
// not look at (another user's, one that made itself undumpable) is left out: nothing found is no proof.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"

namespace millrace::proc {

inline constexpr std::size_t kMaxDescriptorsSeen = 16'384;  // of one process; the rest is not looked at

// The processes with a descriptor of a socket, but for this one. To find them all descriptors of the machine are looked
// at, which takes milliseconds: who asks while that is being done waits for the next time and shares it with the others
// who wait, so that it costs one processor at most, however many ask. Thread-safe.
class SocketHolders {
 public:
  // `user`: only of processes whose /proc directory is that user's.
  explicit SocketHolders(std::optional<uid_t> user = std::nullopt) : user_(user) {}
  // As of a moment after the call; empty: none is seen.
  std::vector<pid_t> of(std::uint64_t inode);

 private:
  using Table = std::unordered_map<std::uint64_t, std::vector<pid_t>>;  // inode → processes
  static Table look(std::optional<uid_t> user);

  const std::optional<uid_t> user_;
  Mutex mutex_;
  CondVar changed_;
  std::uint64_t begun_ MR_GUARDED_BY(mutex_) = 0, ended_ MR_GUARDED_BY(mutex_) = 0;  // how many times it was looked
  std::shared_ptr<const Table> seen_ MR_GUARDED_BY(mutex_);                          // the last time
};

// The process itself, its parent, and so on up to the first of the namespace; at most kMaxAncestors.
inline constexpr std::size_t kMaxAncestors = 256;
std::vector<pid_t> with_ancestors(pid_t process);

// The words of its command line; empty: unknown.
std::vector<std::string> command_line_of(pid_t process);
// A variable of the environment that it was started with, unless it has changed its memory of it; empty: unknown.
std::string variable_of(pid_t process, std::string_view name);
// Is it in another process namespace than this one? false where that cannot be told.
bool is_in_other_namespace(pid_t process);

}  // namespace millrace::proc
