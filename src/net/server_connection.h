#pragma once
// One accepted connection, and the state that all connections of a server share.
// Private to server.cpp and server_fuzz.cpp: these headers know Boost, and nothing else may include them.

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <typeindex>
#include <unordered_map>
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
#include <boost/beast/core/buffers_prefix.hpp>
#include <boost/beast/core/buffers_suffix.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "base/mutex.h"
#include "base/worker_pool.h"
#include "net/http.h"
#include "net/peer.h"
#include "net/server.h"
#include "net/server_share.h"

namespace millrace::net::detail {

namespace asio = boost::asio;
namespace beast = boost::beast;
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

inline constexpr std::size_t kHeadBuffer = 16 * 1024;  // one read of a head
inline constexpr std::size_t kReadBuffer = 64 * 1024;  // one read of a body
inline constexpr std::size_t kReadAhead = 64 * 1024;   // a body up to this size is always read into memory
inline constexpr std::size_t kDrainLimit = 1u << 20;   // unread request body that is worth reading to keep a connection
inline constexpr std::size_t kLingerLimit = 64u
                                            << 20;  // and to let the peer read its answer before the connection ends
inline constexpr std::size_t kQueueLimit = 4096;    // requests waiting for a handler thread
inline constexpr std::size_t kUploadQueue = 1024;   // streamed bodies waiting for a thread
inline constexpr std::chrono::seconds kStalled{5};  // a transfer that stands still for so long gives way at a limit
inline constexpr std::chrono::seconds kStreamPoll{15};
inline constexpr std::chrono::seconds kClosingTime{2};           // for the peer to close as well
inline constexpr std::chrono::milliseconds kLingerAtLimit{250};  // the same, when others wait for its place
inline constexpr std::chrono::seconds kSweepEvery{1};
inline constexpr std::size_t kSendfileChunk = 4u << 20;
inline constexpr std::uint8_t kTlsHandshake = 0x16;  // first byte of a TLS hello (RFC 8446, 5.1)

struct Connection;

struct Core {
  explicit Core(ServerOptions server_options, Handler server_handler)
      : options(std::move(server_options)),
        handler(std::move(server_handler)),
        pool(options.handler_threads, kQueueLimit, "http-handler"),
        uploads(options.upload_threads, kUploadQueue, "http-upload") {
    if (options.shares.empty()) options.shares = {options.handler_threads};
    for (const std::size_t threads : options.shares) shares.emplace_back(io, threads);
  }
  ~Core() {
    for (Share& one : shares) one.drop();
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  Share& share(std::size_t index) { return shares[std::min(index, shares.size() - 1)]; }
  Response unavailable(const Request& head, std::string_view message) const {
    return options.unavailable ? options.unavailable(head, message) : Response::text(503, std::string(message) + "\n");
  }

  // Open streams are counted by their type, so that many of one kind leave the others and all requests their share.
  std::size_t max_streams() const { return std::max<std::size_t>(2, options.max_connections / 2); }
  std::size_t max_streams_of_a_kind() const { return std::max<std::size_t>(1, options.max_connections / 4); }

  ServerOptions options;
  Handler handler;
  std::unique_ptr<asio::ssl::context> tls;
  // These five are touched on the I/O thread only.
  std::set<Connection*> connections;
  std::unordered_map<std::type_index, std::size_t> streams;
  std::size_t stream_count = 0;
  std::size_t buffered = 0;  // bytes of bodies in memory, see BodyMemory
  std::deque<Share> shares;  // coroutines that never ended leave them when `io` destroys those
  std::atomic<std::size_t> open{0};
  std::atomic<bool> stopping{false};
  std::atomic<bool> abandoned{false};  // the time for requests in flight is over: what is queued is not begun
  // Last but for the pools: coroutines that never ended are destroyed with it, and their connections leave the set.
  asio::io_context io{1};
  WorkerPool pool;
  WorkerPool uploads;
};

// Wakes a waiting stream from any thread. Whoever holds it may outlive the connection and the server: what it points to
// is taken away when the stream ends.
struct Wake {
  explicit Wake(asio::io_context& server_io) : io(&server_io) {}
  Mutex mutex;
  asio::io_context* io MR_GUARDED_BY(mutex);  // null once the stream has ended
  // Both touched on the I/O thread only.
  Timer* timer = nullptr;
  bool woken = false;

  void now() {
    woken = true;
    if (timer != nullptr) timer->cancel();
  }
};

// Ends the wake with the coroutine that waits for it, or that never came to wait.
struct Detach {
  explicit Detach(std::shared_ptr<Wake> wake) : state(std::move(wake)) {}
  Detach(const Detach&) = delete;
  Detach& operator=(const Detach&) = delete;
  const std::shared_ptr<Wake> state;
  ~Detach() {
    const MutexLock lock(state->mutex);
    state->io = nullptr;
    state->timer = nullptr;
  }
};

inline void wake(const std::shared_ptr<Wake>& state) {
  const MutexLock lock(state->mutex);
  if (state->io != nullptr) asio::post(*state->io, [state] { state->now(); });
}

// How fast a body arrives, in the time that is spent waiting for it.
class Pace {
 public:
  using Ticks = SteadyClock::rep;
  static Ticks now() { return SteadyClock::now().time_since_epoch().count(); }
  // All three by whoever reads the body, on any one thread.
  void begin_wait() { waiting_since_ = now(); }
  void end_wait() {
    const Ticks since = waiting_since_.exchange(0);
    if (since != 0) waited_ += now() - since;
  }
  void received(std::size_t bytes) { bytes_ += bytes; }
  bool waiting() const { return waiting_since_ != 0; }

  // On the I/O thread. Whether the window that ends now had too few bytes.
  bool too_slow(SteadyClock::duration window, std::uint64_t least) {
    const Ticks since = waiting_since_;
    const Ticks waited = waited_ + (since != 0 ? now() - since : 0);
    if (SteadyClock::duration(waited - window_start_) < window) return false;
    const std::uint64_t bytes = bytes_;
    const bool slow = bytes - window_bytes_ < least;
    window_start_ = waited;
    window_bytes_ = bytes;
    return slow;
  }
  void reset() {
    waiting_since_ = 0;
    waited_ = 0;
    bytes_ = 0;
    window_start_ = 0;
    window_bytes_ = 0;
  }

 private:
  std::atomic<Ticks> waiting_since_{0}, waited_{0};
  std::atomic<std::uint64_t> bytes_{0};
  Ticks window_start_ = 0;
  std::uint64_t window_bytes_ = 0;
};

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

  // body: read into memory. handler: also while the handler reads a streamed body. later: the answer comes later.
  enum class Phase { idle, header, body, handler, later, response, stream, closing };

  Core& core;
  Socket socket;
  std::unique_ptr<TlsStream> tls;
  beast::flat_buffer buffer;
  std::string peer;
  const std::shared_ptr<Connected> shared = std::make_shared<Connected>(socket.native_handle());
  Phase phase = Phase::header;
  std::shared_ptr<Wake> wake;  // while the answer is a stream, or comes later
  std::size_t share = 0;       // of the request under way, see RequestPlan
  // When something last moved, and when the phase began; the sweeper ends connections that take too long.
  std::atomic<SteadyClock::rep> progress{SteadyClock::now().time_since_epoch().count()};
  SteadyClock::time_point since = SteadyClock::now();
  Pace pace;
  bool evicted = false, was_cut = false;

  void moved() { progress = SteadyClock::now().time_since_epoch().count(); }
  void enter(Phase next) {
    phase = next;
    since = SteadyClock::now();
    progress = since.time_since_epoch().count();
  }
  // Wakes whoever reads or writes, on whichever thread; the descriptor stays ours until the coroutine ends.
  void cut() {
    was_cut = true;
    ::shutdown(socket.native_handle(), SHUT_RDWR);
  }

  SteadyClock::duration still_for(SteadyClock::time_point now) const {
    return now - SteadyClock::time_point(SteadyClock::duration(progress.load()));
  }
  bool reads_body() const { return phase == Phase::body || (phase == Phase::handler && pace.waiting()); }

  // Whether it has taken longer than its phase allows. Called about once a second.
  bool overdue(SteadyClock::time_point now) {
    const ServerOptions& options = core.options;
    const auto age = now - since;
    switch (phase) {
      case Phase::idle:
        return age > options.idle_timeout;
      case Phase::header:
        return age > options.header_timeout;
      case Phase::body:
        return age > options.body_timeout || late_body(now);
      case Phase::handler:
        return pace.waiting() && late_body(now);
      case Phase::response:
        return still_for(now) > options.transfer_timeout;
      case Phase::closing:
        return age > kClosingTime;
      case Phase::later:  // has a timer of its own
      case Phase::stream:
        return false;
    }
    return false;
  }

  // Whether it can be closed for the sake of another at a limit: nothing of a request has been answered or begun, or
  // what it transfers stands still.
  bool gives_way(SteadyClock::time_point now) const {
    if (evicted) return false;
    if (phase == Phase::idle || phase == Phase::header) return true;
    if (phase == Phase::closing) return now - since > kLingerAtLimit;
    return (reads_body() || phase == Phase::response) && still_for(now) > kStalled;
  }

 private:
  bool late_body(SteadyClock::time_point now) {
    const ServerOptions& options = core.options;
    const auto window = static_cast<std::uint64_t>(options.rate_window.count());
    return still_for(now) > options.transfer_timeout ||
           pace.too_slow(options.rate_window, options.min_body_rate * window);
  }
};

// Closes the connection that has been idle for longest, if one gives way. Its descriptor is free a little later.
inline bool evict_one(Core& core) {
  const auto now = SteadyClock::now();
  Connection* idlest = nullptr;
  for (Connection* connection : core.connections) {
    if (!connection->gives_way(now)) continue;
    if (idlest == nullptr || connection->still_for(now) > idlest->still_for(now)) idlest = connection;
  }
  if (idlest == nullptr) return false;
  idlest->evicted = true;
  idlest->cut();
  return true;
}

// Runs `work` on a thread of `pool`; the coroutine goes on, on the I/O thread, with what it returned: nothing when the
// queue is full or the server stops. `work` does not throw.
template <class T, class Work>
Task<std::optional<T>> on_pool(Core& core, WorkerPool& pool, Work work) {
  if (core.options.handler_threads == 0) co_return work();
  auto slot = std::make_shared<std::optional<T>>();
  auto start = [&core, &pool, slot, job = std::move(work)](auto handler) mutable {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto run = [&core, slot, shared, job]() mutable {
      if (!core.abandoned) slot->emplace(job());
      asio::post(core.io, [shared] { (*shared)(); });
    };
    if (!pool.submit(run)) asio::post(core.io, [shared] { (*shared)(); });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(std::move(start),
                                                                               asio::use_awaitable_t<Executor>{});
  co_return std::move(*slot);
}

// The same on a thread of the connection's share.
template <class T, class Work>
Task<std::optional<T>> on_share(Connection& connection, Work work) {
  Core& core = connection.core;
  if (core.options.handler_threads == 0) co_return work();
  Share& share = core.share(connection.share);
  if (!share.enter_at_once() && !co_await share.enter()) co_return std::nullopt;
  const Place place(share);
  co_return co_await on_pool<T>(core, core.pool, std::move(work));
}

}  // namespace millrace::net::detail
