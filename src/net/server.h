#pragma once
// An HTTP/1.1 server (Boost.Asio and Beast inside server.cpp). Coroutines do the I/O; handlers are plain synchronous
// functions on a bounded pool. One port serves plain HTTP and, told apart by the first byte, TLS.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace millrace::net {

// How a request is handled, decided on its head alone.
struct RequestPlan {
  // What the handler takes at most. A larger body is not read: the handler starts at once, and its read_all() fails
  // with resource_exhausted, so that the refusal is in the API's own words.
  std::uint64_t limit = 0;
  // false: the body is read into memory before the handler starts, and no thread waits for its sender.
  // true: the handler reads it as it arrives, on a thread of those for uploads. For bodies that are too large to keep
  // in memory, and for handlers that refuse a caller before they read.
  bool streamed = false;
  // Whose threads the handler and the pieces of its stream run on: an index into ServerOptions::shares.
  std::size_t share = 0;
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;            // 0: the kernel chooses; see Server::port()
  std::string unix_socket;           // listen on this path instead of address:port (mode 0600)
  std::size_t handler_threads = 16;  // 0: handlers run on the I/O thread (for fuzzing); they must not wait
  // How many handlers of each kind of request run at once; the others wait, Share::kMostWaiting at most, then are
  // answered 503. No kind takes the threads of another. Empty: one share, of handler_threads. Else handler_threads is
  // their sum.
  std::vector<std::size_t> shares;
  std::size_t upload_threads = 256;  // made when needed; each is one streamed body
  // At the limit a new connection replaces the one that has been idle for longest; when none is, it is answered 503.
  std::size_t max_connections = 4096;
  std::size_t max_header_bytes = 64 * 1024;
  std::size_t max_header_fields = 256;
  std::uint64_t max_body_bytes = 5ull << 30;  // of any request
  // Absent: bodies are streamed. Called on the I/O thread: it must be quick, must not block, and sees a request without
  // a body. Bodies of up to 64 KiB are always read into memory, unless the client waits for "100 Continue".
  std::function<RequestPlan(const Request& head)> request_plan;
  // The 503 of a request that a limit refuses, in the words of its API; `message` is one sentence. Called on the I/O
  // thread, with a request without a body. Absent: the sentence as text.
  std::function<Response(const Request& head, std::string_view message)> unavailable;
  std::size_t max_buffered_bytes = 256u << 20;  // of all bodies above 64 KiB that are being read into memory
  std::chrono::seconds header_timeout{30};      // for a whole head, and for a TLS handshake
  std::chrono::seconds idle_timeout{120};       // keep-alive
  std::chrono::seconds transfer_timeout{60};    // without a byte of progress
  // A body's sender has to send this many bytes a second, on average over each `rate_window` that is waited for it.
  std::size_t min_body_rate = 1024;
  std::chrono::seconds rate_window{30};
  std::chrono::seconds body_timeout{600};    // for a whole body that is read into memory
  std::chrono::seconds answer_timeout{120};  // for an answer that comes later (Response::later)
  std::string tls_certificate_pem;           // both or neither; without them a TLS hello is refused
  std::string tls_key_pem;
};

using Handler = std::function<Response(Request&)>;

class Server {
 public:
  // Binds and listens. Errors: failed_precondition when the port is in use ("port 8080 on 127.0.0.1 is in use; …").
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
  virtual ~Server() = default;  // stop()
  virtual std::uint16_t port() const = 0;
  // Stops accepting, lets requests in flight end (up to `grace`), ends streams, closes. Idempotent. Clients cannot make
  // it last longer; a handler can, which does not return.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace millrace::net
