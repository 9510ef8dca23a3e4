#include "net/server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

// The one heavy translation unit of the house: nothing but net/server.cpp knows Boost.
#include <fmt/core.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "base/log.h"
#include "base/time.h"
#include "base/worker_pool.h"
#include "net/listen.h"
#include "net/response_head.h"
#include "net/tls_context.h"

namespace millrace::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

using Executor = asio::io_context::executor_type;
using Protocol = asio::generic::stream_protocol;
using Socket = asio::basic_stream_socket<Protocol, Executor>;
using TlsStream = asio::ssl::stream<Socket&>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});
template <class T>
using Task = asio::awaitable<T, Executor>;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kReadBuffer = 64 * 1024;   // without it Beast reads 512 bytes at a time
constexpr std::size_t kReadAhead = 64 * 1024;    // a body up to this size is read before a handler thread is taken
constexpr std::size_t kDrainLimit = 1u << 20;    // unread request body that is worth reading to keep a connection
constexpr std::size_t kLingerLimit = 64u << 20;  // and to let the peer read its answer before the connection ends
constexpr std::size_t kQueueLimit = 4096;        // requests waiting for a handler thread
constexpr std::chrono::seconds kStreamPoll{15};
constexpr std::chrono::seconds kClosingTime{2};  // for the peer to close as well
constexpr std::chrono::seconds kSweepEvery{1};
constexpr std::size_t kSendfileChunk = 4u << 20;
constexpr std::uint8_t kTlsHandshake = 0x16;  // first byte of a TLS hello (RFC 8446, 5.1)

struct Connection;

struct Core {
  explicit Core(ServerOptions server_options, Handler server_handler)
      : options(std::move(server_options)),
        handler(std::move(server_handler)),
        pool(options.handler_threads, kQueueLimit) {}
  ServerOptions options;
  Handler handler;
  std::unique_ptr<asio::ssl::context> tls;
  std::set<Connection*> connections;  // touched on the I/O thread only
  std::atomic<std::size_t> open{0};
  std::atomic<bool> stopping{false};
  // Last but for the pool: coroutines that never ended are destroyed with it, and their connections leave the set.
  asio::io_context io{1};
  WorkerPool pool;
};

// Wakes a waiting stream from any thread. Whoever holds it may outlive the connection and the server: what it points to
// is taken away when the stream ends.
struct Wake {
  std::mutex mutex;
  asio::io_context* io = nullptr;  // null once the stream has ended
  // Both touched on the I/O thread only.
  Timer* timer = nullptr;
  bool woken = false;

  void now() {
    woken = true;
    if (timer != nullptr) timer->cancel();
  }
};

void wake(const std::shared_ptr<Wake>& state) {
  const std::lock_guard lock(state->mutex);
  if (state->io != nullptr) asio::post(*state->io, [state] { state->now(); });
}

struct Connection {
  Connection(Core& server_core, Socket accepted) : core(server_core), socket(std::move(accepted)) {
    core.connections.insert(this);
    ++core.open;
  }
  ~Connection() {
    core.connections.erase(this);
    --core.open;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  enum class Phase { idle, header, body, handler, response, stream, closing };

  Core& core;
  Socket socket;
  std::unique_ptr<TlsStream> tls;
  beast::flat_buffer buffer;
  std::string peer;
  Phase phase = Phase::header;
  std::shared_ptr<Wake> stream;  // while the answer is one
  // When something last moved; the sweeper ends connections that stand still for too long.
  std::atomic<SteadyClock::rep> progress{SteadyClock::now().time_since_epoch().count()};
  std::atomic<bool> reading_body{false};  // the handler waits for the peer

  void moved() { progress = SteadyClock::now().time_since_epoch().count(); }
  void enter(Phase next) {
    phase = next;
    moved();
  }
  // Wakes whoever reads or writes, on whichever thread; the descriptor stays ours until the coroutine ends.
  void cut() { ::shutdown(socket.native_handle(), SHUT_RDWR); }

  SteadyClock::duration allowance() const {
    constexpr auto kForever = SteadyClock::duration::max();
    switch (phase) {
      case Phase::idle:
        return core.options.idle_timeout;
      case Phase::header:
        return core.options.header_timeout;
      case Phase::body:
      case Phase::response:
        return core.options.transfer_timeout;
      case Phase::handler:
        return reading_body ? SteadyClock::duration(core.options.transfer_timeout) : kForever;
      case Phase::closing:
        return kClosingTime;
      case Phase::stream:
        return kForever;
    }
    return kForever;
  }
};

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

Task<error_code> send_text(Connection& connection, std::string_view text) {
  const asio::const_buffer buffer(text.data(), text.size());
  co_return co_await send(connection, buffer);
}

struct Received {
  error_code ec;
  std::size_t bytes = 0;
};

Task<Received> receive(Connection& connection, asio::mutable_buffer into) {
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

// A small body is read here, where waiting for a slow peer costs no handler thread.
Task<bool> read_ahead(Connection& connection, const ConnectionBody& body) {
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
Task<bool> drain(Connection& connection, Parser& parser, ConnectionBody& body) {
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

Task<error_code> send_file(Connection& connection, FileBody& file) {
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

// Runs `work` on the pool; the coroutine goes on, on the I/O thread, with what it returned: nothing when the queue is
// full or the server stops.
template <class T, class Work>
Task<std::optional<T>> on_pool(Core& core, Work work) {
  auto slot = std::make_shared<std::optional<T>>();
  auto start = [&core, slot, job = std::move(work)](auto handler) mutable {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto run = [&core, slot, shared, job]() mutable {
      slot->emplace(job());
      asio::post(core.io, [shared] { (*shared)(); });
    };
    if (!core.pool.submit(run)) asio::post(core.io, [shared] { (*shared)(); });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(std::move(start),
                                                                               asio::use_awaitable_t<Executor>{});
  co_return std::move(*slot);
}

bool peer_has_gone(Connection& connection) {
  char byte = 0;
  return !connection.tls && ::recv(connection.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

struct StreamStep {
  StreamBody::Next next = StreamBody::Next::end;
  std::string text;
  bool failed = false;
};

StreamStep next_step(StreamBody& stream) {
  StreamStep step;
  try {
    step.next = stream.read(step.text);
  } catch (const std::exception& error) {
    log::error("a stream failed: {}", error.what());
    step.failed = true;
  }
  return step;
}

Task<error_code> send_piece(Connection& connection, std::string_view text, bool chunked) {
  connection.enter(Connection::Phase::response);
  if (!chunked) co_return co_await send_text(connection, text);
  const std::string head = fmt::format("{:x}\r\n", text.size());
  const std::array<asio::const_buffer, 3> chunk = {asio::buffer(head), asio::const_buffer(text.data(), text.size()),
                                                   asio::const_buffer("\r\n", 2)};
  co_return co_await send(connection, chunk);
}

Task<error_code> send_stream(Connection& connection, StreamBody& stream, bool chunked) {
  Timer timer(connection.core.io.get_executor());
  auto state = std::make_shared<Wake>();
  state->io = &connection.core.io;
  state->timer = &timer;
  connection.stream = state;
  struct Detach {
    Connection& connection;
    ~Detach() {
      const std::lock_guard lock(connection.stream->mutex);
      connection.stream->io = nullptr;
      connection.stream->timer = nullptr;
    }
  } detach{connection};
  stream.attach([state] { wake(state); });
  while (true) {
    state->woken = false;
    connection.enter(Connection::Phase::stream);
    auto read = [&stream] { return next_step(stream); };
    const std::optional<StreamStep> step = co_await on_pool<StreamStep>(connection.core, std::move(read));
    if (step && step->failed) co_return asio::error::make_error_code(asio::error::eof);  // cut: the peer must see it
    if (step && !step->text.empty()) {
      if (const error_code ec = co_await send_piece(connection, step->text, chunked)) co_return ec;
    }
    if (connection.core.stopping || (step && step->next == StreamBody::Next::end)) break;
    if (state->woken || (step && step->next == StreamBody::Next::more)) continue;
    connection.enter(Connection::Phase::stream);
    timer.expires_after(kStreamPoll);
    (void)co_await timer.async_wait(kTuple);
    if (peer_has_gone(connection)) co_return asio::error::make_error_code(asio::error::eof);
  }
  connection.enter(Connection::Phase::response);
  if (!chunked) co_return error_code{};
  co_return co_await send_text(connection, "0\r\n\r\n");
}

Request make_request(const Connection& connection, const Parser& parser) {
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

Task<error_code> send_response(Connection& connection, Response& response, HeadRules rules) {
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

Task<After> refuse(Connection& connection, int status, std::string_view text) {
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
std::optional<Objection> objection_to(const Parser& parser, const ServerOptions& options) {
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

Response handle(Connection& connection, const Parser& parser, ConnectionBody& body) {
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
Task<After> serve_one(Connection& connection, bool first_request) {
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
Task<void> close(Connection& connection, bool linger) {
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

Task<void> serve(std::shared_ptr<Connection> connection) {
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

// The last words on a connection beyond the limit; it is closed when this returns.
void turn_away(Socket& socket) {
  constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  (void)!::send(socket.native_handle(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::string peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  char text[INET6_ADDRSTRLEN] = "";
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "";
  if (address.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&address)->sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&address)->sin6_addr, text, sizeof text);
  }
  return text;
}

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler)
      : core_(std::move(options), std::move(handler)),
        sweep_(core_.io.get_executor()),
        acceptor_(core_.io.get_executor()) {}
  ~ServerImpl() override { ServerImpl::stop(std::chrono::milliseconds(0)); }

  Status open() {
    const ServerOptions& options = core_.options;
    if (!options.tls_certificate_pem.empty() || !options.tls_key_pem.empty()) {
      TlsContext context = MR_TRY(make_server_tls_context(options.tls_certificate_pem, options.tls_key_pem));
      core_.tls = std::make_unique<asio::ssl::context>(context.release());
    }
    Listener listener = MR_TRY(options.unix_socket.empty() ? listen_tcp(options.address, options.port)
                                                           : listen_unix(options.unix_socket));
    port_ = listener.port;
    error_code ec;
    acceptor_.assign(Protocol(listener.family, 0), listener.socket.get(), ec);
    if (ec) return fail(Code::internal, "cannot watch the listening socket: " + ec.message());
    (void)listener.socket.release();
    asio::co_spawn(core_.io.get_executor(), accept(), asio::detached);
    asio::co_spawn(core_.io.get_executor(), sweep(), asio::detached);
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& error) {
      return fail(Code::resource_exhausted, std::string("no thread for the server: ") + error.what());
    }
    return {};
  }

  std::uint16_t port() const override { return port_; }

  void stop(std::chrono::milliseconds grace) override {
    if (!thread_.joinable()) return;
    using Phase = Connection::Phase;
    asio::post(core_.io, [this] {
      core_.stopping = true;
      error_code ignored;
      acceptor_.close(ignored);
      sweep_.cancel();
      for (Connection* connection : core_.connections) {
        const Phase phase = connection->phase;
        if (phase == Phase::idle || phase == Phase::header || phase == Phase::closing) connection->cut();
        if (connection->stream) connection->stream->now();
      }
    });
    const auto deadline = SteadyClock::now() + grace;
    while (core_.open > 0 && SteadyClock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    asio::post(core_.io, [this] {
      for (Connection* connection : core_.connections) connection->cut();
    });
    // Handlers that still run end first: they use their connection.
    core_.pool.stop();
    const auto last = SteadyClock::now() + std::chrono::seconds(1);
    while (core_.open > 0 && SteadyClock::now() < last) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    core_.io.stop();
    thread_.join();
    if (!core_.options.unix_socket.empty()) ::unlink(core_.options.unix_socket.c_str());
  }

 private:
  using Acceptor = asio::basic_socket_acceptor<Protocol, Executor>;

  void run() {
    // sendfile(2) knows no MSG_NOSIGNAL: a peer that goes away in the middle of a file would end the process.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    core_.io.run();
  }

  Task<void> accept() {
    while (!core_.stopping) {
      auto [ec, socket] = co_await acceptor_.async_accept(kTuple);
      if (ec == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
      if (ec) {
        co_await pause();  // out of descriptors, as a rule: try again when some have been closed
        continue;
      }
      const int on = 1;  // of no effect, and no harm, on a Unix socket
      ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      begin(std::move(socket));
    }
  }

  Task<void> pause() {
    Timer timer(core_.io.get_executor());
    timer.expires_after(std::chrono::milliseconds(20));
    (void)co_await timer.async_wait(kTuple);
  }

  void begin(Socket socket) {
    if (core_.open >= core_.options.max_connections) {
      turn_away(socket);
      return;
    }
    auto connection = std::make_shared<Connection>(core_, std::move(socket));
    connection->peer = peer_address(connection->socket.native_handle());
    asio::co_spawn(core_.io.get_executor(), serve(std::move(connection)), asio::detached);
  }

  // Ends connections that have not moved for longer than their phase allows.
  Task<void> sweep() {
    while (!core_.stopping) {
      sweep_.expires_after(kSweepEvery);
      (void)co_await sweep_.async_wait(kTuple);
      const auto now = SteadyClock::now();
      for (Connection* connection : core_.connections) {
        const SteadyClock::time_point last{SteadyClock::duration(connection->progress.load())};
        const auto allowance = connection->allowance();
        if (allowance != SteadyClock::duration::max() && now - last > allowance) connection->cut();
      }
    }
  }

  Core core_;
  Timer sweep_;
  Acceptor acceptor_;
  std::thread thread_;
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler));
  MR_TRY(server->open());
  return server;
}

}  // namespace millrace::net
