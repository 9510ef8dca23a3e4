#pragma once
// The launcher's Unix socket, <directory>/sock. Reached through the directory's descriptor, because a socket's address
// holds 108 bytes and a data directory's path may be longer.

#include <filesystem>

#include "base/file.h"
#include "base/result.h"

namespace millrace::proc {

constexpr const char* kSocketName = "sock";

Result<Fd> open_directory(const std::filesystem::path& directory);
Result<Fd> listen_in(const Fd& directory);   // replaces a socket that a dead launcher left; mode 0600
Result<Fd> connect_in(const Fd& directory);  // not_found: nobody listens
bool same_user(int socket);                  // is the peer's user ours?

}  // namespace millrace::proc
