#pragma once
// The status line and the header fields of an answer, as they go over the wire (RFC 9112).

#include <cstdint>
#include <string>

#include "base/time.h"
#include "net/http.h"

namespace millrace::net {

struct HeadRules {
  bool head_request = false;  // a Content-Length that the handler set is kept: there are no bytes to count
  bool http_1_0 = false;      // no chunks; a kept connection has to be said
  bool keep_alive = true;
  std::uint64_t length = 0;  // of the body, when it is not a stream
  bool is_stream = false;    // chunked, unless the handler has set a Content-Length
};

struct Head {
  std::string text;
  bool has_body = true;  // false for HEAD, 1xx, 204 and 304
  bool chunked = false;
};

// Fields that this layer owns (Date, Connection, Transfer-Encoding, Content-Length) are written here, never taken over;
// every answer has X-Content-Type-Options: nosniff; a field with a line break in it is dropped, so that a stored value
// cannot forge fields of its own.
Head make_head(const Response& response, const HeadRules& rules, Time now);

}  // namespace millrace::net
