#include "proc/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/core.h>

namespace millrace::proc {
namespace {

sockaddr_un address_in(const Fd& directory) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", directory.get(), kSocketName);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Result<Fd> stream_socket() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail(system_error("cannot make a socket", errno));
  return socket;
}

}  // namespace

Result<Fd> open_directory(const std::filesystem::path& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(system_error("cannot open the launcher's directory " + directory.string(), errno));
  return fd;
}

Result<Fd> listen_in(const Fd& directory) {
  Fd socket = MR_TRY(stream_socket());
  ::unlinkat(directory.get(), kSocketName, 0);
  const sockaddr_un address = address_in(directory);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(directory.get(), kSocketName, 0600, 0) != 0 || ::listen(socket.get(), 16) != 0) {
    return fail(system_error("cannot listen on the launcher's socket", errno));
  }
  const int flags = ::fcntl(socket.get(), F_GETFL);
  ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  return socket;
}

Result<Fd> connect_in(const Fd& directory) {
  Fd socket = MR_TRY(stream_socket());
  const sockaddr_un address = address_in(directory);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ECONNREFUSED) return fail(Code::not_found, "nobody listens on the launcher's socket");
    return fail(system_error("cannot connect to the launcher", errno));
  }
  return socket;
}

bool same_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace millrace::proc
