#pragma once
// Who children run as. A server that is root starts them as a user of their own, who owns nothing but what children
// were given; a server that is an ordinary user starts them as itself.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::proc {

inline constexpr std::string_view kChildUserName = "millrace-task";  // where the machine has a user of that name
inline constexpr unsigned kChildUserNumber = 59'473;                 // elsewhere: user and group

struct ChildUser {
  uid_t user = 0;
  gid_t group = 0;
};

// nullopt: this process is no root, and children run as it does.
std::optional<ChildUser> child_user();

// In the place of kChildUserName: a name of the machine's, "<user>" or "<user>:<group>" in numbers. Errors: no such
// user, root, or this process is not root. Before the first child, on one thread.
Status choose_child_user(const std::string& user);

// The directory or file and all that lies in it belong to the child user afterwards; nothing happens where there is
// none. No link is followed; a file with several names, which may be known elsewhere too, stays as it is, and so does
// what is neither file, directory nor link. Errors: more than kMaxGivenDepth directories deep, the system's.
inline constexpr std::size_t kMaxGivenDepth = 200;
Status give_to_child(const std::filesystem::path& path);
// The same of a directory that is open, with O_PATH at least; `path` is for messages.
Status give_to_child(int directory, const std::filesystem::path& path);
// Only itself: what is known to be empty.
Status give_empty_to_child(int directory, const std::filesystem::path& path);

}  // namespace millrace::proc
