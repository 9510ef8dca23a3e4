#pragma once
// An HTTP client for servers behind Unix sockets or loopback ports that may never answer: one thread for any number of
// exchanges (libcurl's multi interface). Each exchange has a connection of its own, so that no answer is ever
// another's. Thread-safe.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/client.h"
#include "net/http.h"

namespace millrace::net {

struct AsyncRequest {
  std::string method = "GET";
  std::string unix_socket;   // at most 107 bytes
  std::uint16_t port = 0;    // of 127.0.0.1, where there is no unix_socket
  std::string target = "/";  // path and query, sent as they are
  Headers headers;
  std::string body;
  std::chrono::milliseconds timeout{60'000};  // whole exchange
  std::size_t max_head_bytes = 64u << 10;     // status line and fields of an answer, with those of interim ones
  std::size_t max_body_bytes = 6u << 20;
};

class AsyncClient {
 public:
  // Called once, on the client's own thread, which it must not hold. An HTTP status of any kind is a success here.
  // Errors: unavailable (reason "ConnectionRefused": nothing was sent; without a reason: the connection ended before
  // the answer did), deadline_exceeded, resource_exhausted (the answer's limits), data_loss (it is not HTTP), cancelled
  // (stop()), invalid_argument (a field that cannot be sent).
  using Done = std::function<void(Result<ClientResponse>)>;

  AsyncClient();
  ~AsyncClient();  // stop()
  AsyncClient(const AsyncClient&) = delete;
  AsyncClient& operator=(const AsyncClient&) = delete;
  void send(AsyncRequest request, Done done);
  // Ends what is under way with cancelled, and whatever is sent later. Idempotent; not from within a Done.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::net
