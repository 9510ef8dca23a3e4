#include "net/request_head.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::net {
namespace {

using Unexpected = tl::unexpected<Refusal>;

Unexpected refuse(int status, std::string text) { return Unexpected(Refusal{status, std::move(text)}); }

constexpr auto kTokenBytes = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// RFC 9110, 5.5: visible bytes, blanks and tabs. Bytes beyond ASCII are let through as they are.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
  });
}

bool is_target(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7f;
  });
}

std::string_view trim_blanks(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// The next line of `text`, which has the CRLF that HeadFinder has checked.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  return line;
}

bool is_absolute(std::string_view target) { return target.starts_with("http://") || target.starts_with("https://"); }

// The host of an absolute target.
std::string_view authority_of(std::string_view target) {
  target.remove_prefix(target.find("//") + 2);
  return target.substr(0, target.find_first_of("/?"));
}

void split_target(Request& request) {
  std::string_view target = request.target;
  // The absolute form (RFC 9112, 3.2.2) is for proxies, but a server has to take it.
  if (is_absolute(target)) {
    const std::size_t path = target.find_first_of("/?", target.find("//") + 2);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const std::size_t question = target.find('?');
  request.path = question == 0 ? "/" : std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.raw_query = std::string(target.substr(question + 1));
}

tl::expected<void, Refusal> read_request_line(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(400, "The request is not HTTP: its first line is not a method, a target and a version.");
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return refuse(400, "The request is not HTTP: its method is not a name.");
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(400, "HTTP/1.0 and HTTP/1.1 are spoken here.");
  if (target.empty() || !is_target(target))
    return refuse(400, "The request's target has a blank or a control character in it.");
  if (!target.starts_with('/') && target != "*" && !is_absolute(target))
    return refuse(400, "A request's target starts with '/'.");
  head.http_1_0 = version == "HTTP/1.0";
  head.request.method = std::string(method);
  head.request.target = std::string(target);
  split_target(head.request);
  return {};
}

tl::expected<void, Refusal> read_fields(std::string_view text, Headers& headers) {
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    // A blank before the colon, and lines that go on (RFC 9112, 5.1 and 5.2), are read differently by others.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return refuse(400, "A header field is not a name, a colon and a value.");
    const std::string_view value = trim_blanks(line.substr(colon + 1));
    if (!is_field_value(value)) return refuse(400, "A header field's value has a control character in it.");
    headers.add(line.substr(0, colon), value);
  }
  return {};
}

// Digits alone, as RFC 9110, 8.6 has them.
std::optional<std::uint64_t> parse_length(std::string_view text) {
  constexpr std::size_t kDigits = 18;  // below 2^63 whatever they are
  if (text.empty() || text.size() > kDigits) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// How the body ends (RFC 9112, 6.3).
tl::expected<void, Refusal> read_framing(RequestHead& head) {
  const Headers& headers = head.request.headers;
  const auto codings = headers.all("transfer-encoding");
  const auto lengths = headers.all("content-length");
  if (!codings.empty()) {
    if (!lengths.empty()) return refuse(400, "A request has a Content-Length or a Transfer-Encoding, not both.");
    if (head.http_1_0) return refuse(400, "HTTP/1.0 knows no Transfer-Encoding.");
    // A coding that is not known would leave the body's end unknown, and the next request with it.
    if (codings.size() > 1 || !equals_ignore_case(codings[0], "chunked"))
      return refuse(501, "The only transfer coding known here is chunked.");
    head.chunked = true;
  }
  if (lengths.size() > 1) return refuse(400, "A request has one Content-Length.");
  if (lengths.size() == 1) {
    head.content_length = parse_length(lengths[0]);
    if (!head.content_length) return refuse(400, "The Content-Length is not a number of bytes.");
  }
  return {};
}

void read_connection(RequestHead& head) {
  bool close = false, keep = false;
  for (const std::string_view value : head.request.headers.all("connection")) {
    for (const std::string_view option : split(value, ',')) {
      close = close || equals_ignore_case(trim_blanks(option), "close");
      keep = keep || equals_ignore_case(trim_blanks(option), "keep-alive");
    }
  }
  head.keep_alive = !close && (!head.http_1_0 || keep);
  head.expects_continue = !head.http_1_0 && equals_ignore_case(head.request.headers.get("expect"), "100-continue");
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return kTokenBytes[static_cast<unsigned char>(c)]; });
}

tl::expected<std::size_t, Refusal> HeadFinder::find(std::string_view text) {
  while (true) {
    const std::size_t newline = text.find('\n', seen_);
    if (newline == std::string_view::npos || newline >= limits_.bytes) {
      seen_ = text.size();
      if (text.size() < limits_.bytes) return std::size_t{0};
      return refuse(431, fmt::format("The request's head is larger than {} bytes.", limits_.bytes));
    }
    if (newline == line_start_ || text[newline - 1] != '\r')
      return refuse(400, "A line of the request's head does not end with CRLF.");
    if (newline == line_start_ + 1) return newline + 1;  // the empty line
    if (++lines_ > limits_.fields + 1)
      return refuse(431, fmt::format("The request has more than {} header fields.", limits_.fields));
    seen_ = line_start_ = newline + 1;
  }
}

tl::expected<RequestHead, Refusal> parse_request_head(std::string_view text) {
  RequestHead head;
  if (auto line = read_request_line(next_line(text), head); !line) return Unexpected(line.error());
  Headers& headers = head.request.headers;
  if (auto fields = read_fields(text, headers); !fields) return Unexpected(fields.error());
  // RFC 9112, 3.2: APIs and signatures depend on which host was meant.
  const std::size_t hosts = headers.all("host").size();
  if (hosts > 1 || (hosts == 0 && !head.http_1_0)) return refuse(400, "A request has one Host field.");
  // RFC 9112, 3.2.2 prefers the target's; what differs is read in two ways.
  if (is_absolute(head.request.target) && !equals_ignore_case(authority_of(head.request.target), headers.get("host")))
    return refuse(400, "The host of the target is not that of the Host field.");
  if (auto framing = read_framing(head); !framing) return Unexpected(framing.error());
  read_connection(head);
  return head;
}

}  // namespace millrace::net
