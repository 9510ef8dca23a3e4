#pragma once
// The sockets by which this process asks servers (net/client.h), by their inodes: a request of its own is not taken for
// a person's, since somebody else may have caused it. Thread-safe.

#include <cstdint>

namespace millrace::net {

// Makes a TCP socket as socket(2) does and keeps its inode until close_own_socket(). -1: errno says why.
int open_own_socket(int family, int type, int protocol);
int close_own_socket(int descriptor);
// false: no socket of that inode is one of them.
bool is_own_socket(std::uint64_t inode);

}  // namespace millrace::net
