#include "net/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <numeric>
#include <system_error>
#include <thread>

// The one heavy translation unit of the program: nothing but this file, through its private headers, knows Boost.
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/log.h"
#include "base/thread_name.h"
#include "net/listen.h"
#include "net/server_exchange.h"
#include "net/tls_context.h"

namespace millrace::net {
namespace {

using namespace detail;  // NOLINT(google-build-using-namespace): this file's own parts

constexpr std::chrono::milliseconds kAcceptPause{20};  // where the system has no descriptor or memory to give

// The answer to a connection beyond the limit; the caller closes it. What the client has sent is read first: closing a
// socket with unread bytes in it makes the kernel throw the answer away.
void reject_busy(int fd) {
  constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "X-Content-Type-Options: nosniff\r\nContent-Length: 49\r\nConnection: close\r\n\r\n"
      "The server has too many connections; try again.\r\n";
  char scratch[16 * 1024];
  (void)!::recv(fd, scratch, sizeof scratch, MSG_DONTWAIT);
  (void)!::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(fd, SHUT_WR);
}

Fd reserve_descriptor() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

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
        if (phase == Phase::stream && connection->wake) connection->wake->now();
      }
    });
    const auto deadline = SteadyClock::now() + grace;
    while (core_.open > 0 && SteadyClock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    asio::post(core_.io, [this] {
      core_.abandoned = true;
      for (Share& share : core_.shares) share.close();
      for (Connection* connection : core_.connections) {
        connection->cut();
        if (connection->wake) connection->wake->now();
      }
    });
    // Handlers that still run end first: they use their connection.
    core_.pool.stop();
    core_.uploads.stop();
    const auto last = SteadyClock::now() + std::chrono::seconds(1);
    while (core_.open > 0 && SteadyClock::now() < last) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    core_.io.stop();
    thread_.join();
    if (!core_.options.unix_socket.empty()) ::unlink(core_.options.unix_socket.c_str());
  }

 private:
  using Acceptor = asio::basic_socket_acceptor<Protocol, Executor>;

  void run() {
    name_thread("http-io");
    // sendfile(2) knows no MSG_NOSIGNAL: a peer that goes away in the middle of a file would end the process.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (true) {
      try {
        core_.io.run();
        return;
      } catch (const std::exception& error) {  // connections keep their own; this is a fault of this file
        log::error("the server's I/O failed: {}", error.what());
      }
    }
  }

  Task<void> accept() {
    while (!core_.stopping) {
      auto [ec, socket] = co_await acceptor_.async_accept(kTuple);
      if (ec == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
      if (ec && !evict_one(core_) && !reject_one()) co_await pause();
      if (ec) continue;
      try {
        begin(std::move(socket));
      } catch (const std::exception& error) {
        log::error("a connection failed: {}", error.what());
      }
    }
  }

  // Without a free descriptor: answers one waiting connection with that kept for this.
  bool reject_one() {
    reserve_.reset();
    Fd fd(::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    const bool accepted = static_cast<bool>(fd);
    if (accepted) reject_busy(fd.get());
    fd.reset();
    reserve_ = reserve_descriptor();
    return accepted;
  }

  Task<void> pause() {
    Timer timer(core_.io.get_executor());
    timer.expires_after(kAcceptPause);
    (void)co_await timer.async_wait(kTuple);
  }

  void begin(Socket socket) {
    if (core_.open >= core_.options.max_connections && !evict_one(core_)) {
      reject_busy(socket.native_handle());
      return;
    }
    const int on = 1;  // of no effect, and no harm, on a Unix socket
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_shared<Connection>(core_, std::move(socket));
    connection->peer = peer_address(connection->socket.native_handle());
    asio::co_spawn(core_.io.get_executor(), serve(std::move(connection)), asio::detached);
  }

  // Ends connections that take longer than their phase allows.
  Task<void> sweep() {
    while (!core_.stopping) {
      sweep_.expires_after(kSweepEvery);
      (void)co_await sweep_.async_wait(kTuple);
      const auto now = SteadyClock::now();
      for (Connection* connection : core_.connections) {
        if (connection->overdue(now)) connection->cut();
      }
    }
  }

  Core core_;
  Timer sweep_;
  Acceptor acceptor_;
  Fd reserve_ = reserve_descriptor();
  std::thread thread_;
  std::uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
  if (!options.shares.empty()) {
    options.handler_threads = std::accumulate(options.shares.begin(), options.shares.end(), std::size_t{0});
  }
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler));
  MR_TRY(server->open());
  return server;
}

}  // namespace millrace::net
