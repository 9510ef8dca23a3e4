#include "net/response_head.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::net {
namespace {

bool is_clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool is_ours(std::string_view name) {
  return equals_ignore_case(name, "content-length") || equals_ignore_case(name, "connection") ||
         equals_ignore_case(name, "transfer-encoding") || equals_ignore_case(name, "date");
}

}  // namespace

Head make_head(const Response& response, const HeadRules& rules, Time now) {
  const bool bodyless = response.status == 204 || response.status == 304 || response.status / 100 == 1;
  const std::string* own_length =
      rules.head_request || rules.is_stream ? response.headers.find("content-length") : nullptr;
  if (own_length != nullptr && !parse_int(*own_length)) own_length = nullptr;
  Head head;
  head.has_body = !bodyless && !rules.head_request;
  head.chunked = rules.is_stream && !rules.http_1_0 && own_length == nullptr;
  std::string& out = head.text;
  out.reserve(512);
  out += fmt::format("HTTP/1.1 {} {}\r\n", response.status, status_text(response.status));
  for (const auto& [name, value] : response.headers.fields()) {
    if (name.empty() || is_ours(name) || !is_clean(name) || !is_clean(value)) continue;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  // What a task or a client has stored is never taken for another type than it is served as.
  if (!response.headers.has("x-content-type-options")) out += "X-Content-Type-Options: nosniff\r\n";
  out += "Date: " + format_http_date(now) + "\r\n";
  if (!bodyless) {
    if (own_length != nullptr)
      out += "Content-Length: " + *own_length + "\r\n";
    else if (head.chunked)
      out += "Transfer-Encoding: chunked\r\n";
    else if (!rules.is_stream)
      out += fmt::format("Content-Length: {}\r\n", rules.length);
  }
  if (!rules.keep_alive)
    out += "Connection: close\r\n";
  else if (rules.http_1_0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
  return head;
}

}  // namespace millrace::net
