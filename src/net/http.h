#pragma once
// HTTP/1.1 messages as the rest of the program sees them. No library type shows here.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace millrace::net {

// Header fields in arrival order; names compare without case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  const std::string* find(std::string_view name) const;  // the first of that name
  std::string_view get(std::string_view name) const;     // empty when absent
  std::vector<std::string_view> all(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  // replaces all of that name
  void remove(std::string_view name);
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

// A request body, read once, in order, on the handler's thread.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Up to `buffer.size()` bytes; 0 at the end. Errors: resource_exhausted when a limit was passed, invalid_argument
  // when the peer ended or broke the body in its midst.
  virtual Result<std::size_t> read(std::span<char> buffer) = 0;
  virtual std::optional<std::uint64_t> length() const = 0;  // Content-Length where sent
  // All that is left, refused with resource_exhausted past `limit`.
  virtual Result<std::string> read_all(std::size_t limit);
};
std::unique_ptr<BodyReader> body_from_string(std::string text);

struct Request {
  std::string method;     // upper case
  std::string target;     // raw bytes of the request line: path and query, still percent-encoded
  std::string path;       // raw path, still percent-encoded
  std::string raw_query;  // without '?'
  Headers headers;
  std::string peer_address;  // "127.0.0.1"
  bool tls = false;
  std::string tls_version;     // "1.2", "1.3"; empty: plain
  BodyReader* body = nullptr;  // never null in a handler; reading it sends "100 Continue" when asked for
};

// Decoded query parameters in order. Undecodable escapes stay as they are.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view raw_query);
// First parameter of that name.
std::optional<std::string> query_parameter(const Request& request, std::string_view name);

// A response that is produced over time (event streams, log following, watches). It holds no thread while it waits.
class StreamBody {
 public:
  enum class Next { more, wait, end };
  virtual ~StreamBody() = default;
  // Called once before the first read. `wake` may be called from any thread, any number of times, also after the
  // connection has gone.
  virtual void attach(std::function<void()> wake) { (void)wake; }
  // Appends what is ready (at most about 1 MiB). Called on a pool thread, never twice at once. After `wait` it is
  // called again on wake(), and every 15 s at the latest (so that it can send a keep-alive comment).
  virtual Next read(std::string& out) = 0;
};

struct FileBody {  // sent with sendfile where the connection is plain
  Fd file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct Response;

// The answer to a request whose handler has returned; see Response::later. Copies are the same answer: the first call
// counts, all others do nothing, from any thread, also after the client or the server has gone. When the last copy goes
// away without a call, the client is answered 500.
class Completion {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    virtual void complete(Response response) = 0;
    virtual bool wanted() const = 0;
  };
  explicit Completion(std::shared_ptr<Target> target) : target_(std::move(target)) {}
  void operator()(Response response) const;
  // false once nobody waits any more: the answer was given or took too long, the client has gone, or the server stops.
  bool wanted() const { return target_->wanted(); }

 private:
  std::shared_ptr<Target> target_;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::optional<FileBody> file;        // instead of body
  std::unique_ptr<StreamBody> stream;  // instead of body; sent chunked, or by the Content-Length that is set
  std::string_view static_body;        // instead of body: bytes that outlive the server (embedded assets)
  // Instead of all the above: the answer comes later and no thread waits for it. Called once, on a pool thread, after
  // the handler has returned; it must not use the handler's Request, and must not block. An answer that does not come
  // within ServerOptions::answer_timeout is 504. The response that it is given may not be another `later`.
  std::function<void(Completion)> later;

  static Response text(int status, std::string body, std::string_view content_type = "text/plain; charset=utf-8");
  static Response json(int status, std::string body);
};

// Applies `change` to the answer: at once, or to the one that comes later.
void amend(Response& response, std::function<void(Response&)> change);

std::string_view status_text(int status);

}  // namespace millrace::net
