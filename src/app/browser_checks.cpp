#include "app/browser_checks.h"

#include <arpa/inet.h>

#include <algorithm>

#include "app/options.h"
#include "base/strings.h"

namespace millrace::app {
namespace {

constexpr std::string_view kForeignName =
    "This server answers on this machine only; open it as http://localhost or http://127.0.0.1.";
constexpr std::string_view kForeignOrigin = "A page of another origin may not change anything here.";
constexpr std::string_view kForeignRead = "A page of another origin may not read anything here.";

constexpr std::size_t kMaxName = 253;  // RFC 1035, 2.3.4

std::optional<std::uint16_t> parse_port(std::string_view text) {
  constexpr std::size_t kDigits = 5;
  if (text.empty() || text.size() > kDigits ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  const auto port = parse_int(text);
  if (!port || *port > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

// Letters, digits, '-' and '_' in labels that are not empty.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  for (const std::string_view label : split(name, '.')) {
    if (label.empty()) return false;
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    if (!plain) return false;
  }
  return true;
}

bool is_ipv6(const std::string& address) {
  in6_addr parsed{};
  return ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

struct Origin {
  bool https = false;
  Authority authority;
};

std::optional<Origin> parse_origin(std::string_view text) {
  Origin origin;
  const std::string lower = to_lower(text);
  std::string_view rest = lower;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
    origin.https = true;
  } else {
    return std::nullopt;
  }
  auto authority = parse_authority(rest);
  if (!authority) return std::nullopt;
  origin.authority = std::move(*authority);
  return origin;
}

// A server beyond loopback may stand behind a proxy that adds TLS: its pages' origin is https, its requests are not.
bool is_own_origin(std::string_view text, const Authority& host, const net::Request& request, bool own_names_only) {
  const auto origin = parse_origin(text);
  if (!origin) return false;
  if (origin->https != request.tls && (own_names_only || !origin->https)) return false;
  const std::uint16_t usual = origin->https ? 443 : 80;
  return origin->authority.host == host.host && origin->authority.port.value_or(usual) == host.port.value_or(usual);
}

bool is_foreign_site(const net::Request& request) {
  const std::string_view site = request.headers.get("sec-fetch-site");
  return !site.empty() && site != "same-origin" && site != "none";
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    authority.host = to_lower(text.substr(1, end - 1));
    authority.is_ipv6 = true;
    const std::string_view rest = text.substr(end + 1);
    has_port = !rest.empty();
    if (has_port && !rest.starts_with(':')) return std::nullopt;
    if (has_port) port = rest.substr(1);
    if (!is_ipv6(authority.host)) return std::nullopt;
  } else {
    const std::size_t colon = text.find(':');
    authority.host = to_lower(text.substr(0, colon));
    if (authority.host.ends_with('.')) authority.host.pop_back();
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
    if (!is_name(authority.host)) return std::nullopt;
  }
  if (has_port) {
    authority.port = parse_port(port);
    if (!authority.port) return std::nullopt;
  }
  return authority;
}

bool is_own_host(const Authority& authority) {
  return is_loopback(authority.host) || (!authority.is_ipv6 && authority.host.ends_with(".localhost"));
}

std::string_view browser_objection(const net::Request& request, BrowserRules rules) {
  const auto host = parse_authority(request.headers.get("host"));
  if (!host || (rules.own_names_only && !is_own_host(*host))) return kForeignName;
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (reads) {
    // A page may lead here, but not read what it cannot show.
    const bool shown = rules.public_files || request.headers.get("sec-fetch-mode") == "navigate";
    return is_foreign_site(request) && !shown ? kForeignRead : std::string_view();
  }
  if (is_foreign_site(request)) return kForeignOrigin;
  const auto origins = request.headers.all("origin");
  if (origins.empty()) return {};
  return origins.size() == 1 && is_own_origin(origins[0], *host, request, rules.own_names_only) ? std::string_view()
                                                                                                : kForeignOrigin;
}

}  // namespace millrace::app
