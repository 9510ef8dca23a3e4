#pragma once
// One accepted connection, and the state that all connections of a server share.
// Private to server.cpp: these headers know Boost, and nothing else may include them.

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "base/worker_pool.h"
#include "net/http.h"
#include "net/server.h"

namespace millrace::net::detail {

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
inline constexpr auto kTuple = asio::as_tuple(asio::use_awaitable_t<Executor>{});
template <class T>
using Task = asio::awaitable<T, Executor>;
using SteadyClock = std::chrono::steady_clock;

inline constexpr std::size_t kReadBuffer = 64 * 1024;  // without it Beast reads 512 bytes at a time
inline constexpr std::size_t kReadAhead = 64 * 1024;  // a body up to this size is read before a handler thread is taken
inline constexpr std::size_t kDrainLimit = 1u << 20;  // unread request body that is worth reading to keep a connection
inline constexpr std::size_t kLingerLimit = 64u
                                            << 20;  // and to let the peer read its answer before the connection ends
inline constexpr std::size_t kQueueLimit = 4096;    // requests waiting for a handler thread
inline constexpr std::chrono::seconds kStreamPoll{15};
inline constexpr std::chrono::seconds kClosingTime{2};  // for the peer to close as well
inline constexpr std::chrono::seconds kSweepEvery{1};
inline constexpr std::size_t kSendfileChunk = 4u << 20;
inline constexpr std::uint8_t kTlsHandshake = 0x16;  // first byte of a TLS hello (RFC 8446, 5.1)

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

inline void wake(const std::shared_ptr<Wake>& state) {
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

}  // namespace millrace::net::detail
