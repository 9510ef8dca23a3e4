#pragma once
// Which processes of this machine hold a socket, and whose descendants they are, as /proc says. What this process may
// not look at (another user's, one that made itself undumpable) is left out: nothing found is no proof.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::proc {

inline constexpr std::size_t kMaxDescriptorsSeen = 16'384;  // of one process; the rest is not looked at

// The processes with a descriptor of the socket. `user`: only those whose /proc directory is that user's.
std::vector<pid_t> holders_of_socket(std::uint64_t inode, std::optional<uid_t> user = std::nullopt);

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
