#pragma once
// A bare TCP connection, for what no well-behaved client sends. For tests only.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "base/file.h"
#include "net/server.h"

namespace millrace::net {

class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{5, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (receive_buffer > 0) ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  // As much as the peer takes.
  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // Until the peer closes, nothing comes for 5 s, or `marker` has come.
  std::string receive(std::string_view marker = {}) {
    std::string text;
    char buffer[16 * 1024];
    while (marker.empty() || text.find(marker) == std::string::npos) {
      const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      closed_ = n == 0;
      reset_ = n < 0 && errno == ECONNRESET;
      if (n <= 0) break;
      text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
  }
  bool closed() const { return closed_; }  // the last receive() ended because the peer closed in good order
  bool reset() const { return reset_; }
  // Ends this side; what the peer sends can still be read.
  void end() { ::shutdown(fd_.get(), SHUT_WR); }
  // Closes so that the peer gets a reset.
  void abandon() {
    const linger at_once{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
  }

 private:
  Fd fd_;
  bool closed_ = false, reset_ = false;
};

inline std::unique_ptr<Server> start_server(Handler handler, ServerOptions options = {}) {
  auto server = Server::start(std::move(options), std::move(handler));
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
}

inline Response echo(Request& request) {
  auto body = request.body->read_all(64u << 20);
  if (!body) return Response::text(413, body.error().message);
  return Response::text(200, fmt::format("{} {} {}", request.method, request.target, *body));
}

inline std::string url_of(const Server& server, std::string_view path = "/") {
  return fmt::format("http://127.0.0.1:{}{}", server.port(), path);
}

}  // namespace millrace::net
