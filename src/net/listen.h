#pragma once
// Listening sockets, made ready for the server.

#include <cstdint>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace millrace::net {

struct Listener {
  Fd socket;
  int family = 0;          // AF_INET, AF_INET6 or AF_UNIX
  std::uint16_t port = 0;  // the one in use, also where 0 was asked for
};

// `address` is an IP address or "localhost". Errors: failed_precondition "port 8080 on 127.0.0.1 is in use; …".
Result<Listener> listen_tcp(const std::string& address, std::uint16_t port);
// A socket that a dead server left is replaced; a live one, or anything else that stands at `path`, is an error. Mode
// 0600.
Result<Listener> listen_unix(const std::string& path);

}  // namespace millrace::net
