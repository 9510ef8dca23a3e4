#include "aws/sigv4_canonical.h"

#include <algorithm>

#include "base/encode.h"
#include "base/strings.h"

namespace millrace::aws::sigv4 {
namespace {

std::string decoded(std::string_view text) {
  auto result = percent_decode(text);
  return result ? std::move(*result) : std::string(text);
}

std::string without_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else {
      kept.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : kept) {
    out += '/';
    out += part;
  }
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

std::string canonical_path(std::string_view path, Scheme scheme) {
  if (path.empty()) return "/";
  return scheme == Scheme::verbatim ? percent_encode(decoded(path), true)
                                    : percent_encode(without_dot_segments(path), true);
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  if (!query.empty()) {
    for (const std::string_view part : split(query, '&')) {
      if (part.empty()) continue;
      const std::size_t equals = part.find('=');
      std::string name = percent_encode(decoded(part.substr(0, equals)));
      if (name == "X-Amz-Signature") continue;
      parameters.emplace_back(std::move(name),
                              equals == std::string_view::npos ? "" : percent_encode(decoded(part.substr(equals + 1))));
    }
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out += name;
    out += '=';
    out += value;
  }
  return out;
}

// Trimmed, runs of spaces folded into one.
void append_header_value(std::string& out, std::string_view value) {
  bool space = false;
  for (const char c : trim(value)) {
    if (c == ' ' && space) continue;
    space = c == ' ';
    out += c;
  }
}

}  // namespace

std::string canonical_request(std::string_view method, std::string_view path, std::string_view query,
                              const net::Headers& headers, const std::vector<std::string>& signed_headers,
                              std::string_view payload_hash, Scheme scheme) {
  std::string out(method);
  out += '\n';
  out += canonical_path(path, scheme);
  out += '\n';
  out += canonical_query(query);
  out += '\n';
  for (const std::string& name : signed_headers) {
    out += name;
    out += ':';
    bool first = true;
    for (const std::string_view value : headers.all(name)) {
      if (!first) out += ',';
      first = false;
      append_header_value(out, value);
    }
    out += '\n';
  }
  out += '\n';
  out += join(signed_headers, ";");
  out += '\n';
  out += payload_hash;
  return out;
}

}  // namespace millrace::aws::sigv4
