#pragma once
// Bytes to and from a connection, plain or TLS, on the I/O thread.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "net/server_connection.h"

namespace millrace::net::detail {

template <class Buffers>
Task<error_code> send(Connection& connection, const Buffers& buffers) {
  // In pieces, so that a slow reader of a large answer is seen to move.
  beast::buffers_suffix<Buffers> rest(buffers);
  while (asio::buffer_size(rest) > 0) {
    const auto piece = beast::buffers_prefix(1u << 20, rest);
    if (connection.tls) {
      const auto [ec, n] = co_await connection.tls->async_write_some(piece, kTuple);
      if (ec) co_return ec;
      rest.consume(n);
    } else {
      const auto [ec, n] = co_await connection.socket.async_write_some(piece, kTuple);
      if (ec) co_return ec;
      rest.consume(n);
    }
    connection.moved();
  }
  co_return error_code{};
}

inline Task<error_code> send_text(Connection& connection, std::string_view text) {
  const asio::const_buffer buffer(text.data(), text.size());
  co_return co_await send(connection, buffer);
}

struct Received {
  error_code ec;
  std::size_t bytes = 0;
};

inline Task<Received> receive(Connection& connection, asio::mutable_buffer into) {
  Received received;
  if (connection.tls) {
    const auto [ec, n] = co_await connection.tls->async_read_some(into, kTuple);
    received.ec = ec;
    received.bytes = n;
  } else {
    const auto [ec, n] = co_await connection.socket.async_read_some(into, kTuple);
    received.ec = ec;
    received.bytes = n;
  }
  connection.moved();
  co_return received;
}

inline Task<error_code> send_file(Connection& connection, FileBody& file) {
  std::uint64_t remaining = file.length;
  auto offset = static_cast<off_t>(file.offset);
  if (!connection.tls) {
    connection.socket.native_non_blocking(true);
    while (remaining > 0) {
      const ssize_t n = ::sendfile(connection.socket.native_handle(), file.file.get(), &offset,
                                   static_cast<std::size_t>(std::min<std::uint64_t>(remaining, kSendfileChunk)));
      if (n > 0) {
        remaining -= static_cast<std::uint64_t>(n);
        connection.moved();
      } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        const auto [ec] = co_await connection.socket.async_wait(Socket::wait_write, kTuple);
        if (ec) co_return ec;
      } else if (n < 0 && errno == EINTR) {
        continue;
      } else {
        co_return asio::error::make_error_code(
            asio::error::eof);  // the file is shorter than was said: cut the connection
      }
    }
    co_return error_code{};
  }
  std::string chunk;
  while (remaining > 0) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(remaining, kReadBuffer)));
    const ssize_t n = ::pread(file.file.get(), chunk.data(), chunk.size(), offset);
    if (n <= 0) co_return asio::error::make_error_code(asio::error::eof);
    const std::string_view text(chunk.data(), static_cast<std::size_t>(n));
    if (const error_code ec = co_await send_text(connection, text)) co_return ec;
    offset += n;
    remaining -= static_cast<std::uint64_t>(n);
  }
  co_return error_code{};
}

}  // namespace millrace::net::detail
