#pragma once
// An HTTP/1.1 server (Boost.Asio + Beast behind the wall). Coroutines do the I/O; handlers are plain synchronous
// functions on a bounded pool. One port serves plain HTTP and, told apart by the first byte, TLS.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace millrace::net {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;   // 0: the kernel chooses; see Server::port()
  std::string unix_socket;  // listen on this path instead of address:port (mode 0600)
  std::size_t handler_threads = 16;
  std::size_t max_connections = 4096;
  std::size_t max_header_bytes = 64 * 1024;
  std::uint64_t max_body_bytes = 5ull << 30;  // doors set tighter limits where they read
  std::chrono::seconds header_timeout{30};
  std::chrono::seconds idle_timeout{120};     // keep-alive
  std::chrono::seconds transfer_timeout{60};  // without a byte of progress
  std::string tls_certificate_pem;            // both or neither; without them a TLS hello is refused
  std::string tls_key_pem;
};

using Handler = std::function<Response(Request&)>;

class Server {
 public:
  // Binds and listens. Errors: failed_precondition when the port is in use ("port 8080 on 127.0.0.1 is in use; …").
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Handler handler);
  virtual ~Server() = default;  // stop()
  virtual std::uint16_t port() const = 0;
  // Stops accepting, lets requests in flight end (up to `grace`), ends streams, closes. Idempotent.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace millrace::net
