#pragma once
// A request's body: read ahead when small, read by the handler on its thread, what is left thrown away.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <algorithm>
#include <cstring>

#include <fmt/core.h>
#include <boost/asio/write.hpp>

#include "net/server_transfer.h"

namespace millrace::net::detail {

// Blocking reads for the handler's thread, which owns the socket while the handler runs.
struct BlockingSource {
  Connection& connection;
  using executor_type = Executor;
  executor_type get_executor() { return connection.core.io.get_executor(); }

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code ec;
    const std::size_t n = read_some(buffers, ec);
    if (ec) throw boost::system::system_error(ec);
    return n;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {
    std::size_t n = 0;
    if (connection.tls) {
      n = connection.tls->read_some(buffers, ec);
    } else {
      n = connection.socket.read_some(buffers, ec);
    }
    connection.moved();
    return n;
  }
};

using Parser = http::request_parser<http::buffer_body>;

class ConnectionBody final : public BodyReader {
 public:
  ConnectionBody(Connection& connection, Parser& parser)
      : connection_(connection), parser_(parser), source_{connection}, chunked_(parser.chunked()) {
    if (const auto length = parser.content_length())
      length_ = *length;
    else if (!chunked_)
      length_ = 0;
    remaining_ = length_.value_or(0);
    const auto expect = parser.get()[http::field::expect];
    awaits_continue_ = parser.get().version() >= 11 && beast::iequals(expect, "100-continue");
  }

  std::optional<std::uint64_t> length() const override { return length_; }
  bool finished() const { return chunked_ ? parser_.is_done() : remaining_ == 0; }
  bool untouched_expectation() const { return awaits_continue_; }

  Result<std::size_t> read(std::span<char> out) override {
    if (out.empty() || finished()) return std::size_t{0};
    if (awaits_continue_) MR_TRY(send_continue());
    connection_.moved();
    connection_.reading_body = true;
    auto result = chunked_ ? read_chunked(out) : read_plain(out);
    connection_.reading_body = false;
    if (result) received_ += *result;
    if (received_ > connection_.core.options.max_body_bytes) {
      return fail(Code::resource_exhausted,
                  fmt::format("the request body is larger than {} bytes", connection_.core.options.max_body_bytes));
    }
    return result;
  }

  // What is left, for the I/O thread once the handler has returned. Moves nothing out of the kernel.
  std::uint64_t remaining() const { return remaining_; }
  bool is_chunked() const { return chunked_; }
  void discard(std::size_t n) { remaining_ -= n; }

 private:
  Status send_continue() {
    awaits_continue_ = false;
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code ec;
    if (connection_.tls)
      asio::write(*connection_.tls, asio::buffer(kContinue), ec);
    else
      asio::write(connection_.socket, asio::buffer(kContinue), ec);
    if (ec) return fail(Code::unavailable, "the client went away before it sent its body");
    return {};
  }

  Result<std::size_t> read_plain(std::span<char> out) {
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), remaining_));
    std::size_t n = std::min(want, connection_.buffer.size());
    if (n > 0) {
      std::memcpy(out.data(), connection_.buffer.data().data(), n);
      connection_.buffer.consume(n);
    } else {
      error_code ec;
      n = source_.read_some(asio::buffer(out.data(), want), ec);
      if (ec || n == 0) return fail(Code::unavailable, "the client went away in the middle of its body");
    }
    remaining_ -= n;
    return n;
  }

  Result<std::size_t> read_chunked(std::span<char> out) {
    auto& body = parser_.get().body();
    while (!parser_.is_done()) {
      body.data = out.data();
      body.size = out.size();
      error_code ec;
      http::read_some(source_, connection_.buffer, parser_, ec);
      if (ec == http::error::need_buffer) ec = {};
      if (ec) return fail(Code::unavailable, "the client went away in the middle of its body, or sent broken chunks");
      const std::size_t n = out.size() - body.size;
      if (n > 0) return n;
    }
    return std::size_t{0};
  }

  Connection& connection_;
  Parser& parser_;
  BlockingSource source_;
  bool chunked_;
  bool awaits_continue_ = false;
  std::optional<std::uint64_t> length_;
  std::uint64_t remaining_ = 0, received_ = 0;
};

// A small body is read here, where waiting for a slow peer costs no handler thread.
inline Task<bool> read_ahead(Connection& connection, const ConnectionBody& body) {
  const auto length = body.length();
  if (!length || *length > kReadAhead || body.untouched_expectation()) co_return true;
  connection.enter(Connection::Phase::body);
  while (connection.buffer.size() < *length) {
    const asio::mutable_buffer space =
        connection.buffer.prepare(static_cast<std::size_t>(*length) - connection.buffer.size());
    const Received received = co_await receive(connection, space);
    if (received.ec || received.bytes == 0) co_return false;
    connection.buffer.commit(received.bytes);
  }
  co_return true;
}

// Reads what the handler left of the body, if that is little. false: the connection cannot be used again.
inline Task<bool> drain(Connection& connection, Parser& parser, ConnectionBody& body) {
  if (body.finished()) co_return true;
  if (body.untouched_expectation() || body.remaining() > kDrainLimit) co_return false;
  connection.enter(Connection::Phase::body);
  std::string scratch(16 * 1024, '\0');
  for (std::size_t drained = 0; drained <= kDrainLimit;) {
    if (body.finished()) co_return true;
    if (!body.is_chunked()) {
      std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(connection.buffer.size(), body.remaining()));
      if (n > 0) {
        connection.buffer.consume(n);
      } else {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(scratch.size(), body.remaining()));
        const asio::mutable_buffer into(scratch.data(), want);
        const Received received = co_await receive(connection, into);
        if (received.ec || received.bytes == 0) co_return false;
        n = received.bytes;
      }
      body.discard(n);
      drained += n;
      continue;
    }
    parser.get().body().data = scratch.data();
    parser.get().body().size = scratch.size();
    error_code ec;
    if (connection.tls) {
      const auto [read_ec, n] = co_await http::async_read_some(*connection.tls, connection.buffer, parser, kTuple);
      ec = read_ec;
    } else {
      const auto [read_ec, n] = co_await http::async_read_some(connection.socket, connection.buffer, parser, kTuple);
      ec = read_ec;
    }
    connection.moved();
    if (ec && ec != http::error::need_buffer) co_return false;
    drained += scratch.size() - parser.get().body().size;
  }
  co_return false;
}

}  // namespace millrace::net::detail
