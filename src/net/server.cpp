#include "net/server.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

// The one heavy translation unit of the house: nothing but net/server.cpp knows Boost.
#include <fmt/core.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
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

constexpr std::size_t kReadBuffer = 64 * 1024;  // without it Beast reads 512 bytes at a time
constexpr std::size_t kDrainLimit = 1u << 20;   // unread request body that is worth reading to keep a connection
constexpr std::size_t kQueueLimit = 4096;       // requests waiting for a handler thread
constexpr std::chrono::seconds kStreamPoll{15};
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

// Wakes a waiting stream from any thread; outlives connection and server.
struct Wake {
  std::mutex mutex;
  asio::io_context* io = nullptr;  // null once the connection has gone
  std::shared_ptr<Timer> timer;
  bool woken = false;  // touched on the I/O thread only
};

void wake(const std::shared_ptr<Wake>& state) {
  const std::lock_guard lock(state->mutex);
  if (state->io == nullptr) return;
  asio::post(*state->io, [state] {
    state->woken = true;
    if (state->timer) state->timer->cancel();
  });
}

struct Connection {
  Connection(Core& server_core, Socket accepted)
      : core(server_core), socket(std::move(accepted)), timer(core.io.get_executor()) {
    buffer.reserve(kReadBuffer);
    core.connections.insert(this);
    ++core.open;
  }
  ~Connection() {
    core.connections.erase(this);
    --core.open;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  enum class Phase { header, handler, response, stream };

  Core& core;
  Socket socket;
  std::unique_ptr<TlsStream> tls;
  Timer timer;
  beast::flat_buffer buffer;
  std::string peer;
  Phase phase = Phase::header;
  // When something last moved; the sweeper ends connections that stand still for too long.
  std::atomic<SteadyClock::rep> progress{SteadyClock::now().time_since_epoch().count()};
  std::atomic<bool> reading_body{false};
  bool first_request = true, between_requests = false;

  void moved() { progress = SteadyClock::now().time_since_epoch().count(); }
  // Wakes whoever reads or writes, on whichever thread; the descriptor stays ours until the coroutine ends.
  void cut() { ::shutdown(socket.native_handle(), SHUT_RDWR); }

  SteadyClock::duration allowance() const {
    switch (phase) {
      case Phase::header:
        return between_requests ? SteadyClock::duration(core.options.idle_timeout) : core.options.header_timeout;
      case Phase::handler:
        return reading_body ? SteadyClock::duration(core.options.transfer_timeout) : SteadyClock::duration::max();
      case Phase::response:
        return core.options.transfer_timeout;
      case Phase::stream:
        return SteadyClock::duration::max();
    }
    return SteadyClock::duration::max();
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
    awaits_continue_ = beast::iequals(expect, "100-continue");
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

  // Reads what the handler left, if that is little. false: the connection cannot be used again.
  bool drain() {
    if (finished()) return true;
    if (awaits_continue_ || (length_ && remaining_ > kDrainLimit)) return false;
    char scratch[16 * 1024];
    for (std::size_t drained = 0; drained <= kDrainLimit;) {
      const auto n = read(scratch);
      if (!n) return false;
      if (*n == 0) return finished();
      drained += *n;
    }
    return false;
  }

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

bool is_clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

struct Head {
  std::string text;
  bool has_body = true;
};

// The status line and fields. `length` < 0: chunked.
Head response_head(const Response& response, bool head_request, std::int64_t length, bool keep_alive) {
  Head head;
  std::string& out = head.text;
  out.reserve(512);
  out += fmt::format("HTTP/1.1 {} {}\r\n", response.status, status_text(response.status));
  const bool no_body = response.status == 204 || response.status == 304 || response.status / 100 == 1;
  head.has_body = !no_body && !head_request;
  const bool own_length = head_request && response.headers.has("content-length");
  for (const auto& [name, value] : response.headers.fields()) {
    // A field with a line break in it would let a stored value forge fields of its own.
    if (name.empty() || !is_clean(name) || !is_clean(value)) continue;
    if (beast::iequals(name, "content-length") && !own_length) continue;
    if (beast::iequals(name, "connection") || beast::iequals(name, "transfer-encoding") || beast::iequals(name, "date"))
      continue;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  out += "Date: " + format_http_date(SystemClock().now()) + "\r\n";
  if (length < 0)
    out += "Transfer-Encoding: chunked\r\n";
  else if (!no_body && !own_length)
    out += fmt::format("Content-Length: {}\r\n", length);
  if (!keep_alive) out += "Connection: close\r\n";
  out += "\r\n";
  return head;
}

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

// Runs `work` on the pool; the coroutine goes on, on the I/O thread, with what it returned.
template <class T, class Work>
Task<T> on_pool(Core& core, Work work) {
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
  if (!*slot) {
    T busy;
    if constexpr (requires { busy.response; })
      busy.response = Response::text(503, "The server has too many requests waiting; try again.\n");
    co_return busy;
  }
  co_return std::move(**slot);
}

bool peer_has_gone(Connection& connection) {
  char byte = 0;
  return !connection.tls && ::recv(connection.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

struct StreamStep {
  StreamBody::Next next = StreamBody::Next::end;
  std::string text;
};

Task<error_code> send_stream(Connection& connection, StreamBody& stream) {
  connection.phase = Connection::Phase::stream;
  auto state = std::make_shared<Wake>();
  state->io = &connection.core.io;
  state->timer = std::make_shared<Timer>(connection.core.io.get_executor());
  struct Detach {
    std::shared_ptr<Wake> wake;
    ~Detach() {
      const std::lock_guard lock(wake->mutex);
      wake->io = nullptr;
    }
  } detach{state};
  stream.attach([state] { wake(state); });
  while (true) {
    state->woken = false;
    auto read = [&stream] {
      StreamStep step;
      step.next = stream.read(step.text);
      return step;
    };
    StreamStep step = co_await on_pool<StreamStep>(connection.core, std::move(read));
    if (!step.text.empty()) {
      const std::string head = fmt::format("{:x}\r\n", step.text.size());
      const std::array<asio::const_buffer, 3> chunk = {asio::buffer(head), asio::buffer(step.text),
                                                       asio::const_buffer("\r\n", 2)};
      if (const error_code ec = co_await send(connection, chunk)) co_return ec;
    }
    if (step.next == StreamBody::Next::end || connection.core.stopping) break;
    if (step.next == StreamBody::Next::more || state->woken) continue;
    state->timer->expires_after(kStreamPoll);
    (void)co_await state->timer->async_wait(kTuple);
    if (peer_has_gone(connection)) co_return asio::error::make_error_code(asio::error::eof);
  }
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

struct Answer {
  Response response;
  bool reusable = true;
};

Task<bool> refuse(Connection& connection, int status, std::string_view text) {
  Response response = Response::text(status, std::string(text) + "\n");
  const Head head = response_head(response, false, static_cast<std::int64_t>(response.body.size()), false);
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head.text), asio::buffer(response.body)};
  (void)co_await send(connection, buffers);
  co_return false;
}

// One request and its answer. false: the connection ends.
Task<bool> serve_one(Connection& connection) {
  connection.phase = Connection::Phase::header;
  connection.between_requests = !connection.first_request && connection.buffer.size() == 0;
  connection.moved();
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
  connection.first_request = false;
  if (ec == http::error::header_limit)
    co_return co_await refuse(connection, 431, "The request's header fields are too large.");
  if (ec == http::error::end_of_stream || ec == asio::error::eof || ec == http::error::partial_message ||
      ec == asio::ssl::error::stream_truncated || (ec && ec.category() == boost::system::system_category())) {
    co_return false;
  }
  if (ec) co_return co_await refuse(connection, 400, "The request is not HTTP: " + ec.message() + ".");
  const auto& message = parser.get();
  if (message.version() != 10 && message.version() != 11)
    co_return co_await refuse(connection, 400, "HTTP/1.0 and HTTP/1.1 are spoken here.");
  if (const auto length = parser.content_length(); length && *length > connection.core.options.max_body_bytes) {
    co_return co_await refuse(
        connection, 413,
        fmt::format("A request body may have {} bytes at most.", connection.core.options.max_body_bytes));
  }
  const bool keep_alive_asked = message.keep_alive();
  const bool head_request = message.method() == http::verb::head;

  connection.phase = Connection::Phase::handler;
  auto handle = [&connection, &parser] {
    Answer answer;
    Request request = make_request(connection, parser);
    ConnectionBody body(connection, parser);
    request.body = &body;
    try {
      answer.response = connection.core.handler(request);
    } catch (const std::exception& error) {
      log::error("{} {}: {}", request.method, request.path, error.what());
      answer.response = Response::text(500, "The server failed on this request; its log says why.\n");
    }
    answer.reusable = body.drain();
    return answer;
  };
  Answer answer = co_await on_pool<Answer>(connection.core, std::move(handle));
  connection.moved();
  connection.phase = Connection::Phase::response;
  Response& response = answer.response;
  const bool keep_alive = keep_alive_asked && answer.reusable && !connection.core.stopping;
  const std::string_view body = response.static_body.empty() ? std::string_view(response.body) : response.static_body;
  const std::int64_t length =
      response.stream ? -1 : static_cast<std::int64_t>(response.file ? response.file->length : body.size());
  const Head head = response_head(response, head_request, length, keep_alive);
  if (!head.has_body || response.file || response.stream) {
    ec = co_await send_text(connection, head.text);
    if (!ec && head.has_body) {
      if (response.file)
        ec = co_await send_file(connection, *response.file);
      else
        ec = co_await send_stream(connection, *response.stream);
    }
  } else {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head.text), asio::buffer(body.data(), body.size())};
    ec = co_await send(connection, buffers);
  }
  co_return !ec && keep_alive;
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
  while (!core.stopping) {
    if (!co_await serve_one(*connection)) break;
  }
  if (connection->tls) {
    connection->phase = Connection::Phase::response;
    (void)co_await connection->tls->async_shutdown(kTuple);
  }
  error_code ignored;
  connection->socket.shutdown(Socket::shutdown_both, ignored);
}

// The last words on a connection beyond the limit; it is closed when this returns.
void turn_away(Socket& socket) {
  constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  (void)!::send(socket.native_handle(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::string peer_address(const asio::ip::tcp::endpoint& endpoint) { return endpoint.address().to_string(); }

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler)
      : core_(std::move(options), std::move(handler)), sweep_(core_.io.get_executor()) {}
  ~ServerImpl() override { ServerImpl::stop(std::chrono::milliseconds(0)); }

  Status open() {
    const ServerOptions& options = core_.options;
    if (!options.tls_certificate_pem.empty()) MR_TRY(open_tls());
    if (!options.unix_socket.empty())
      MR_TRY(listen_unix());
    else
      MR_TRY(listen_tcp());
    asio::co_spawn(core_.io.get_executor(), sweep(), asio::detached);
    thread_ = std::thread([this] { core_.io.run(); });
    return {};
  }

  std::uint16_t port() const override { return port_; }

  void stop(std::chrono::milliseconds grace) override {
    if (!thread_.joinable()) return;
    asio::post(core_.io, [this] {
      core_.stopping = true;
      error_code ignored;
      if (tcp_) tcp_->close(ignored);
      if (unix_) unix_->close(ignored);
      for (Connection* connection : core_.connections) {
        if (connection->phase == Connection::Phase::header || connection->phase == Connection::Phase::stream)
          connection->cut();
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
  using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  using UnixAcceptor = asio::basic_socket_acceptor<asio::local::stream_protocol, Executor>;

  Status open_tls() {
    error_code ec;
    const ServerOptions& options = core_.options;
    core_.tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    core_.tls->set_options(
        asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 | asio::ssl::context::no_compression, ec);
    core_.tls->use_certificate_chain(asio::buffer(options.tls_certificate_pem), ec);
    if (!ec) core_.tls->use_private_key(asio::buffer(options.tls_key_pem), asio::ssl::context::pem, ec);
    if (ec) return fail(Code::invalid_argument, "the TLS certificate or key cannot be read: " + ec.message());
    // HTTP/1.1 for clients that negotiate (RFC 7301).
    SSL_CTX_set_alpn_select_cb(
        core_.tls->native_handle(),
        [](SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned in_length,
           void*) {
          static constexpr unsigned char kHttp11[] = "\x08http/1.1";
          unsigned char* chosen = nullptr;
          if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11 - 1, in, in_length) !=
              OPENSSL_NPN_NEGOTIATED) {
            return SSL_TLSEXT_ERR_NOACK;
          }
          *out = chosen;
          return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
    return {};
  }

  Status listen_tcp() {
    const ServerOptions& options = core_.options;
    error_code ec;
    const auto address = asio::ip::make_address(options.address, ec);
    if (ec) return fail(Code::invalid_argument, fmt::format("{} is not an IP address", options.address));
    const asio::ip::tcp::endpoint endpoint(address, options.port);
    tcp_.emplace(core_.io.get_executor());
    tcp_->open(endpoint.protocol(), ec);
    if (!ec) tcp_->set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) tcp_->bind(endpoint, ec);
    if (!ec) tcp_->listen(asio::socket_base::max_listen_connections, ec);
    if (ec == asio::error::address_in_use) {
      return fail(
          Code::failed_precondition,
          fmt::format("port {} on {} is in use; stop what listens there, or choose another with --listen {}:PORT",
                      options.port, options.address, options.address));
    }
    if (ec)
      return fail(Code::failed_precondition,
                  fmt::format("cannot listen on {}:{}: {}", options.address, options.port, ec.message()));
    port_ = tcp_->local_endpoint(ec).port();
    asio::co_spawn(core_.io.get_executor(), accept_tcp(), asio::detached);
    return {};
  }

  Status listen_unix() {
    const std::string& path = core_.options.unix_socket;
    error_code ec;
    if (path.size() >= 108)
      return fail(Code::invalid_argument, fmt::format("the socket path {} is longer than 107 bytes", path));
    ::unlink(path.c_str());
    unix_.emplace(core_.io.get_executor());
    const asio::local::stream_protocol::endpoint endpoint(path);
    unix_->open(endpoint.protocol(), ec);
    if (!ec) unix_->bind(endpoint, ec);
    if (!ec && ::chmod(path.c_str(), 0600) != 0) ec = error_code(errno, boost::system::system_category());
    if (!ec) unix_->listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return fail(Code::failed_precondition, fmt::format("cannot listen on {}: {}", path, ec.message()));
    asio::co_spawn(core_.io.get_executor(), accept_unix(), asio::detached);
    return {};
  }

  Task<void> accept_tcp() {
    while (!core_.stopping) {
      auto [ec, socket] = co_await tcp_->async_accept(kTuple);
      if (ec == asio::error::operation_aborted || !tcp_->is_open()) co_return;
      if (ec) {
        co_await pause();  // out of descriptors, as a rule: try again when some have been closed
        continue;
      }
      error_code ignored;
      socket.set_option(asio::ip::tcp::no_delay(true), ignored);
      const auto endpoint = socket.remote_endpoint(ignored);
      Socket generic(std::move(socket));
      begin(std::move(generic), peer_address(endpoint));
    }
  }

  Task<void> accept_unix() {
    while (!core_.stopping) {
      auto [ec, socket] = co_await unix_->async_accept(kTuple);
      if (ec == asio::error::operation_aborted || !unix_->is_open()) co_return;
      if (ec) {
        co_await pause();
        continue;
      }
      Socket generic(std::move(socket));
      begin(std::move(generic), "");
    }
  }

  Task<void> pause() {
    Timer timer(core_.io.get_executor());
    timer.expires_after(std::chrono::milliseconds(20));
    (void)co_await timer.async_wait(kTuple);
  }

  void begin(Socket socket, std::string peer) {
    if (core_.open >= core_.options.max_connections) {
      turn_away(socket);
      return;
    }
    auto connection = std::make_shared<Connection>(core_, std::move(socket));
    connection->peer = std::move(peer);
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
  std::optional<TcpAcceptor> tcp_;
  std::optional<UnixAcceptor> unix_;
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
