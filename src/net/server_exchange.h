#pragma once
// Requests and their answers on one connection, from its first byte to its end.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <array>
#include <cerrno>
#include <cstdint>
#include <exception>
#include <optional>

#include <fmt/core.h>

#include "base/log.h"
#include "base/time.h"
#include "net/response_head.h"
#include "net/server_later.h"
#include "net/server_request_body.h"
#include "net/server_stream.h"
#include "net/tls_context.h"

namespace millrace::net::detail {

// What becomes of the connection after an answer. linger: it ends, but the peer may still be sending.
enum class After { keep, close, linger };

inline Task<error_code> send_response(Connection& connection, Response& response, HeadRules rules) {
  connection.enter(Connection::Phase::response);
  const std::string_view body = response.static_body.empty() ? std::string_view(response.body) : response.static_body;
  rules.is_stream = response.stream != nullptr;
  rules.length = response.file ? response.file->length : body.size();
  const Head head = make_head(response, rules, SystemClock().now());
  if (head.has_body && !response.file && !response.stream) {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head.text), asio::buffer(body.data(), body.size())};
    co_return co_await send(connection, buffers);
  }
  if (const error_code ec = co_await send_text(connection, head.text)) co_return ec;
  if (!head.has_body) co_return error_code{};
  if (response.file) co_return co_await send_file(connection, *response.file);
  const error_code sent = co_await send_stream(connection, *response.stream, head.chunked);
  // A stop ends streams early: where no last chunk says so, the end of the connection does.
  if (!sent && !head.chunked && connection.core.stopping) co_return asio::error::make_error_code(asio::error::eof);
  co_return sent;
}

inline Task<After> refuse(Connection& connection, int status, std::string_view text) {
  Response response = Response::text(status, std::string(text) + "\n");
  HeadRules rules;
  rules.keep_alive = false;
  (void)co_await send_response(connection, response, rules);
  co_return After::linger;
}

// A head, or why there is none: neither when the peer has gone or was cut off.
struct HeadRead {
  std::optional<RequestHead> head;
  std::optional<Refusal> refusal;
};

inline Task<HeadRead> read_head(Connection& connection) {
  const ServerOptions& options = connection.core.options;
  const HeadLimits limits{options.max_header_bytes, options.max_header_fields};
  HeadFinder finder(limits);
  bool skipped_empty_line = false;
  HeadRead result;
  while (true) {
    const auto found = finder.find(unread(connection));
    if (!found) {
      result.refusal = found.error();
      co_return result;
    }
    if (*found == 2 && !skipped_empty_line) {  // before a request line one is ignored (RFC 9112, 2.2)
      skipped_empty_line = true;
      connection.buffer.consume(2);
      finder = HeadFinder(limits);
      continue;
    }
    if (*found > 0) {
      auto head = parse_request_head(unread(connection).substr(0, *found));
      connection.buffer.consume(*found);
      if (head)
        result.head = std::move(*head);
      else
        result.refusal = head.error();
      co_return result;
    }
    const Received received = co_await receive(connection, connection.buffer.prepare(kHeadBuffer));
    if (received.ec || received.bytes == 0) co_return result;
    connection.buffer.commit(received.bytes);
    if (connection.phase == Connection::Phase::idle) connection.enter(Connection::Phase::header);
  }
}

// What the handler gave: an answer, or one that comes later.
struct Handled {
  Response response;
  Awaited awaited;
};

inline Handled handle(Core& core, Request& request, BodyReader& body) {
  Handled handled;
  try {
    request.body = &body;
    handled.response = core.handler(request);
    if (handled.response.later) handled.awaited = begin_later(core, handled.response);
    return handled;
  } catch (const std::exception& error) {
    log::error("a request failed: {}", error.what());
  } catch (...) {
    log::error("a request failed");
  }
  handled.response = Response::text(500, "The server failed on this request; its log says why.\n");
  return handled;
}

// `streamed`: on a thread for uploads, else on one of the request's share.
inline Task<Response> answer_of(Connection& connection, bool streamed, Request& request, BodyReader& body) {
  connection.enter(Connection::Phase::handler);
  Core& core = connection.core;
  auto work = [&core, &request, &body, shared = connection.shared] {
    const Handling handling(shared);
    return handle(core, request, body);
  };
  std::optional<Handled> handled = streamed ? co_await on_pool<Handled>(core, core.uploads, std::move(work))
                                            : co_await on_share<Handled>(connection, std::move(work));
  if (!handled) co_return core.unavailable(request, "The server has too many requests waiting; try again.");
  if (handled->awaited.later) co_return co_await wait_for_later(connection, std::move(handled->awaited));
  co_return std::move(handled->response);
}

// One request: its head is read, its body is not.
class Exchange {
 public:
  Exchange(Connection& connection, RequestHead head) : connection_(connection), head_(std::move(head)) {
    rules_.head_request = head_.request.method == "HEAD";
    rules_.http_1_0 = head_.http_1_0;
    head_.request.peer_address = connection.peer;
    head_.request.tls = connection.tls != nullptr;
    if (connection.tls) head_.request.tls_version = tls_version_of(connection.tls->native_handle());
    connection.pace.reset();
  }

  Task<After> run() {
    const ServerOptions& options = connection_.core.options;
    if (head_.content_length.value_or(0) > options.max_body_bytes) {
      co_return co_await refuse(connection_, 413,
                                fmt::format("A request body may have {} bytes at most.", options.max_body_bytes));
    }
    const RequestPlan plan = request_plan();
    connection_.share = plan.share;
    const bool small = !head_.chunked && head_.content_length.value_or(0) <= kReadAhead;
    if (plan.streamed && (!small || head_.expects_continue)) co_return co_await with_streamed_body(plan.limit);
    if (!head_.chunked && head_.content_length.value_or(0) > plan.limit)
      co_return co_await with_refused_body(plan.limit);
    co_return co_await with_body_in_memory(plan.limit);
  }

 private:
  RequestPlan request_plan() const {
    const ServerOptions& options = connection_.core.options;
    if (!options.request_plan) return {options.max_body_bytes, true};
    RequestPlan plan = options.request_plan(head_.request);
    plan.limit = std::min(plan.limit, options.max_body_bytes);
    return plan;
  }

  Task<After> with_streamed_body(std::uint64_t limit) {
    StreamedBody body(connection_, head_, limit);
    Response response = co_await answer_of(connection_, true, head_.request, body);
    co_return co_await finish(response, co_await drain(connection_, body));
  }

  // The body stays where it is; the handler says why.
  Task<After> with_refused_body(std::uint64_t limit) {
    BufferedBody body(too_large(limit), head_.content_length);
    Response response = co_await answer_of(connection_, false, head_.request, body);
    co_return co_await finish(response, false);
  }

  Task<After> with_body_in_memory(std::uint64_t limit) {
    using End = ReadAhead::End;
    BodyMemory memory(connection_.core);
    ReadAhead ahead;
    if (head_.chunked || head_.content_length.value_or(0) > 0) {
      if (head_.expects_continue) {
        if (co_await send_text(connection_, kContinue)) co_return After::close;
      }
      ahead = co_await AheadReader(connection_, head_, limit, memory).read();
    }
    switch (ahead.end) {
      case End::gone:
        co_return After::close;
      case End::broken:
        co_return co_await refuse(connection_, 400, fmt::format("The request is broken: {}.", kBrokenBody));
      case End::no_memory:
        co_return co_await busy("The bodies of too many requests are on their way; try again.");
      case End::too_large:
        co_return co_await with_refused_body(limit);
      case End::whole:
        break;
    }
    BufferedBody body(std::move(ahead.text), head_.content_length);
    Response response = co_await answer_of(connection_, false, head_.request, body);
    co_return co_await finish(response, true);
  }

  // A limit was reached before the handler could begin.
  Task<After> busy(std::string_view message) {
    Response response = connection_.core.unavailable(head_.request, message);
    co_return co_await finish(response, false);
  }

  // reusable: the next request begins where this one's body has ended.
  Task<After> finish(Response& response, bool reusable) {
    const Core& core = connection_.core;
    if (response.stream && !StreamShare::has_room(core, *response.stream))
      response = core.unavailable(head_.request, "Too many streams of this kind are open; close one and try again.");
    rules_.keep_alive = head_.keep_alive && reusable && !core.stopping && !(response.stream && rules_.http_1_0);
    if (co_await send_response(connection_, response, rules_)) co_return After::close;
    co_return rules_.keep_alive ? After::keep : reusable ? After::close : After::linger;
  }

  Connection& connection_;
  RequestHead head_;
  HeadRules rules_;
};

// One request and its answer.
inline Task<After> serve_one(Connection& connection, bool first_request) {
  connection.enter(first_request || connection.buffer.size() > 0 ? Connection::Phase::header : Connection::Phase::idle);
  HeadRead read = co_await read_head(connection);
  if (read.refusal) co_return co_await refuse(connection, read.refusal->status, read.refusal->text);
  if (!read.head) co_return After::close;
  Exchange exchange(connection, std::move(*read.head));
  const After after = co_await exchange.run();
  if (connection.buffer.size() == 0 && connection.buffer.capacity() > kHeadBuffer) connection.buffer.shrink_to_fit();
  co_return after;
}

// Ends the connection so that the peer can still read what was sent: a socket that is closed with unread bytes in it
// makes the kernel throw the answer away at the other end.
inline Task<void> close(Connection& connection, bool linger) {
  connection.enter(Connection::Phase::closing);
  error_code ignored;
  if (connection.tls) {
    // Without this the shutdown would wait for the peer's own.
    if (!linger) connection.socket.shutdown(Socket::shutdown_receive, ignored);
    (void)co_await connection.tls->async_shutdown(kTuple);
  }
  if (linger) {
    connection.socket.shutdown(Socket::shutdown_send, ignored);
    std::string scratch(kReadBuffer, '\0');
    for (std::size_t discarded = 0; discarded < kLingerLimit && !connection.core.stopping;) {
      const auto [ec, n] = co_await connection.socket.async_read_some(asio::buffer(scratch), kTuple);
      if (ec || n == 0) break;
      discarded += n;
    }
    // One that still sends is reset: with a window of zero it would not notice that nobody reads any more.
    if (connection.was_cut) connection.socket.set_option(asio::socket_base::linger(true, 0), ignored);
  }
  connection.socket.shutdown(Socket::shutdown_both, ignored);
}

// The first byte of what the client sends, left to be read; nothing: it has ended.
inline Task<std::optional<std::uint8_t>> first_byte(Connection& connection) {
  while (true) {
    const auto [ec] = co_await connection.socket.async_wait(Socket::wait_read, kTuple);
    if (ec) co_return std::nullopt;
    std::uint8_t first = 0;
    const ssize_t n = ::recv(connection.socket.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 1) co_return first;
    // An event of a connection that ended in the same round may wake the next one that has its place in the reactor.
    const bool woken_for_nothing = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    if (!woken_for_nothing) co_return std::nullopt;
  }
}

inline Task<void> serve_requests(Connection& connection) {
  Core& core = connection.core;
  // It tells TLS from plain HTTP.
  const auto first = co_await first_byte(connection);
  if (!first) co_return;
  if (*first == kTlsHandshake) {
    if (!core.tls) co_return;
    connection.tls = std::make_unique<TlsStream>(connection.socket, *core.tls);
    const auto [ec] = co_await connection.tls->async_handshake(asio::ssl::stream_base::server, kTuple);
    if (ec) co_return;
  }
  After after = After::keep;
  for (bool first_request = true; after == After::keep && !core.stopping && !connection.evicted;
       first_request = false) {
    after = co_await serve_one(connection, first_request);
  }
  co_await close(connection, after == After::linger && !connection.evicted);
}

// No exception of a connection leaves it: whatever happens costs this connection alone.
inline Task<void> serve(std::shared_ptr<Connection> connection) {
  try {
    co_await serve_requests(*connection);
  } catch (const std::exception& error) {
    log::error("a connection failed: {}", error.what());
  } catch (...) {
    log::error("a connection failed");
  }
}

}  // namespace millrace::net::detail
