#pragma once
// An HTTP client over libcurl: blocking, keep-alive connections pooled per Client. Thread-safe.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"

namespace millrace::net {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://; sent as given, never re-encoded
  Headers headers;
  std::string body;
  std::string body_file;    // instead of body: streamed from this path
  std::string unix_socket;  // connect here instead of to the URL's host
  std::string ca_pem;       // trust this instead of the system's roots
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{60'000};  // whole exchange; 0: none
  std::size_t max_response_bytes = 1ull << 30;
  // When set, response bytes of a 2xx answer go here instead of ClientResponse::body. false: abort.
  std::function<bool(std::string_view)> sink;
  std::function<bool()> cancelled;  // asked about once a second, on the caller's thread; true: abort, Code::cancelled
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

class Client {
 public:
  Client();
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  // An HTTP status of any kind is a success here. Errors: unavailable (connection refused, reset before an answer;
  // reason "ConnectionRefused" when nothing was sent), deadline_exceeded, resource_exhausted.
  Result<ClientResponse> send(const ClientRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::net
