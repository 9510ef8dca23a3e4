#pragma once
// Requests and their answers on one connection, from its first byte to its end.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <array>
#include <cstdint>
#include <exception>

#include <fmt/core.h>

#include "base/log.h"
#include "base/time.h"
#include "net/response_head.h"
#include "net/server_request_body.h"
#include "net/server_stream.h"

namespace millrace::net::detail {

inline Request make_request(const Connection& connection, const Parser& parser) {
  const auto& message = parser.get();
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  std::string_view target = request.target;
  // The absolute form (RFC 9112, 3.2.2) is for proxies, but a server has to take it.
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const std::size_t path = target.find('/', target.find("//") + 2);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const std::size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.raw_query = std::string(target.substr(question + 1));
  for (const auto& field : message) request.headers.add(field.name_string(), field.value());
  request.peer_address = connection.peer;
  request.tls = connection.tls != nullptr;
  return request;
}

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
  co_return co_await send_stream(connection, *response.stream, head.chunked);
}

inline Task<After> refuse(Connection& connection, int status, std::string_view text) {
  Response response = Response::text(status, std::string(text) + "\n");
  HeadRules rules;
  rules.keep_alive = false;
  (void)co_await send_response(connection, response, rules);
  co_return After::linger;
}

// What is wrong with a request's head; nothing when it can be handled.
struct Objection {
  int status = 0;
  std::string text;
};
inline std::optional<Objection> objection_to(const Parser& parser, const ServerOptions& options) {
  const auto& message = parser.get();
  if (message.version() != 10 && message.version() != 11)
    return Objection{400, "HTTP/1.0 and HTTP/1.1 are spoken here."};
  // RFC 9112, 3.2: doors and signatures depend on which host was meant.
  const std::size_t hosts = message.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && message.version() == 11)) return Objection{400, "A request has one Host field."};
  const std::string_view target = message.target();
  if (!target.starts_with('/') && target != "*" && !target.starts_with("http://") && !target.starts_with("https://")) {
    return Objection{400, "A request's target starts with '/'."};
  }
  // A coding that is not known would leave the body's end unknown, and the next request with it.
  if (message.count(http::field::transfer_encoding) > 0 &&
      !(parser.chunked() && beast::iequals(message[http::field::transfer_encoding], "chunked"))) {
    return Objection{501, "The only transfer coding known here is chunked."};
  }
  if (const auto length = parser.content_length(); length && *length > options.max_body_bytes) {
    return Objection{413, fmt::format("A request body may have {} bytes at most.", options.max_body_bytes)};
  }
  return std::nullopt;
}

inline Response handle(Connection& connection, const Parser& parser, ConnectionBody& body) {
  try {
    Request request = make_request(connection, parser);
    request.body = &body;
    return connection.core.handler(request);
  } catch (const std::exception& error) {
    log::error("a request failed: {}", error.what());
  } catch (...) {
    log::error("a request failed");
  }
  return Response::text(500, "The server failed on this request; its log says why.\n");
}

// One request and its answer.
inline Task<After> serve_one(Connection& connection, bool first_request) {
  connection.enter(first_request || connection.buffer.size() > 0 ? Connection::Phase::header : Connection::Phase::idle);
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(connection.core.options.max_header_bytes));
  parser.body_limit(boost::none);
  error_code ec;
  if (connection.tls) {
    const auto [read_ec, n] = co_await http::async_read_header(*connection.tls, connection.buffer, parser, kTuple);
    ec = read_ec;
  } else {
    const auto [read_ec, n] = co_await http::async_read_header(connection.socket, connection.buffer, parser, kTuple);
    ec = read_ec;
  }
  if (ec == http::error::header_limit)
    co_return co_await refuse(connection, 431, "The request's header fields are too large.");
  if (ec && (ec == http::error::end_of_stream || ec == http::error::partial_message ||
             ec.category() != http::make_error_code(http::error::bad_value).category())) {
    co_return After::close;  // the peer has gone, or was cut off
  }
  if (ec) co_return co_await refuse(connection, 400, "The request is not HTTP: " + ec.message() + ".");
  if (const auto objection = objection_to(parser, connection.core.options)) {
    co_return co_await refuse(connection, objection->status, objection->text);
  }
  const auto& message = parser.get();
  HeadRules rules;
  rules.head_request = message.method() == http::verb::head;
  rules.http_1_0 = message.version() == 10;
  const bool keep_alive_asked = message.keep_alive();

  ConnectionBody body(connection, parser);
  if (!co_await read_ahead(connection, body)) co_return After::close;
  connection.enter(Connection::Phase::handler);
  auto work = [&connection, &parser, &body] { return handle(connection, parser, body); };
  std::optional<Response> response = co_await on_pool<Response>(connection.core, std::move(work));
  if (!response) response = Response::text(503, "The server has too many requests waiting; try again.\n");
  const bool reusable = co_await drain(connection, parser, body);
  rules.keep_alive = keep_alive_asked && reusable && !connection.core.stopping && !(response->stream && rules.http_1_0);
  ec = co_await send_response(connection, *response, rules);
  if (ec) co_return After::close;
  co_return rules.keep_alive ? After::keep : reusable ? After::close : After::linger;
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
  }
  connection.socket.shutdown(Socket::shutdown_both, ignored);
}

inline Task<void> serve(std::shared_ptr<Connection> connection) {
  Core& core = connection->core;
  // The first byte tells TLS from plain HTTP.
  const auto [wait_ec] = co_await connection->socket.async_wait(Socket::wait_read, kTuple);
  std::uint8_t first = 0;
  if (wait_ec || ::recv(connection->socket.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) co_return;
  if (first == kTlsHandshake) {
    if (!core.tls) co_return;
    connection->tls = std::make_unique<TlsStream>(connection->socket, *core.tls);
    const auto [ec] = co_await connection->tls->async_handshake(asio::ssl::stream_base::server, kTuple);
    if (ec) co_return;
  }
  connection->buffer.reserve(kReadBuffer);
  After after = After::keep;
  for (bool first_request = true; after == After::keep && !core.stopping; first_request = false) {
    after = co_await serve_one(*connection, first_request);
  }
  co_await close(*connection, after == After::linger);
}

}  // namespace millrace::net::detail
