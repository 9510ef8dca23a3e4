#include "net/listen.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

namespace millrace::net {
namespace {

tl::unexpected<Error> cannot_listen(const std::string& where) {
  return fail(Code::failed_precondition, system_error("cannot listen on " + where, errno).message);
}

// Whether a server answers at `address`.
bool is_alive(const sockaddr_un& address) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<Listener> listen_tcp(const std::string& address, std::uint16_t port) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(port);
  const std::string ip = address == "localhost" ? "127.0.0.1" : address;
  Listener listener;
  socklen_t size = 0;
  sockaddr* endpoint = nullptr;
  if (::inet_pton(AF_INET, ip.c_str(), &v4.sin_addr) == 1) {
    listener.family = AF_INET;
    endpoint = reinterpret_cast<sockaddr*>(&v4);
    size = sizeof v4;
  } else if (::inet_pton(AF_INET6, ip.c_str(), &v6.sin6_addr) == 1) {
    listener.family = AF_INET6;
    endpoint = reinterpret_cast<sockaddr*>(&v6);
    size = sizeof v6;
  } else {
    return fail(Code::invalid_argument, fmt::format("{} is not an IP address", address));
  }
  const std::string where =
      listener.family == AF_INET6 ? fmt::format("[{}]:{}", ip, port) : fmt::format("{}:{}", ip, port);
  listener.socket = Fd(::socket(listener.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!listener.socket || ::setsockopt(listener.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return cannot_listen(where);
  }
  if (::bind(listener.socket.get(), endpoint, size) != 0 || ::listen(listener.socket.get(), SOMAXCONN) != 0) {
    if (errno != EADDRINUSE) return cannot_listen(where);
    return fail(Code::failed_precondition,
                fmt::format("port {} on {} is in use; stop what listens there, or choose another with --listen {}:PORT",
                            port, address, address));
  }
  if (::getsockname(listener.socket.get(), endpoint, &size) != 0) return cannot_listen(where);
  listener.port = ntohs(listener.family == AF_INET ? v4.sin_port : v6.sin6_port);
  return listener;
}

Result<Listener> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Code::invalid_argument,
                fmt::format("the socket path {} is longer than {} bytes", path, sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return fail(Code::failed_precondition, fmt::format("cannot listen on {}: something else stands there", path));
    }
    if (is_alive(address)) {
      return fail(Code::failed_precondition, fmt::format("the socket {} is in use by another server", path));
    }
    ::unlink(path.c_str());
  }
  Listener listener;
  listener.family = AF_UNIX;
  listener.socket = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // Nobody can connect before listen(): the mode is right by then.
  if (!listener.socket ||
      ::bind(listener.socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(listener.socket.get(), SOMAXCONN) != 0) {
    return cannot_listen(path);
  }
  return listener;
}

}  // namespace millrace::net
