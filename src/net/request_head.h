#pragma once
// A request's head as it comes over the wire (RFC 9112): found, bounded and parsed before anything else looks at it.
// Strict: what two readers could understand differently (sizes, hosts, line ends, blanks) is refused.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "net/http.h"

namespace millrace::net {

struct HeadLimits {
  std::size_t bytes = 64 * 1024;  // request line, fields and line ends
  std::size_t fields = 256;
};

struct RequestHead {
  Request request;  // method, target, path, raw_query and headers; the rest is the connection's
  bool http_1_0 = false;
  bool keep_alive = true;  // what the client asks for
  bool chunked = false;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;
};

// Why a request is refused: the status and one sentence.
struct Refusal {
  int status = 400;
  std::string text;
};

// Finds a head's end in bytes that arrive piece by piece; each byte is looked at once.
class HeadFinder {
 public:
  explicit HeadFinder(const HeadLimits& limits) : limits_(limits) {}
  // The head's size, with the empty line, once all of it is in `text`; 0 before. `text` is all that has come so far.
  // Refuses lines that end without a carriage return, and heads beyond the limits.
  tl::expected<std::size_t, Refusal> find(std::string_view text);

 private:
  HeadLimits limits_;
  std::size_t seen_ = 0;        // bytes looked at
  std::size_t line_start_ = 0;  // of the line under way
  std::size_t lines_ = 0;
};

// `text`: a whole head, with the empty line at its end.
tl::expected<RequestHead, Refusal> parse_request_head(std::string_view text);

bool is_token(std::string_view text);  // RFC 9110, 5.6.2: a method's or a field's name

}  // namespace millrace::net
