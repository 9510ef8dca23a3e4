#pragma once
// What keeps web pages of other origins away from the APIs that ask for no signature: the name they were loaded by (DNS
// rebinding), the origin that sends (request forgery), and what the browser says of both. Pure.
// Sources: RFC 9110, 7.2 (Host); RFC 6454, 7 (Origin); W3C Fetch Metadata (Sec-Fetch-Site, Sec-Fetch-Mode).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace millrace::app {

struct Authority {
  std::string host;  // lower case, without a trailing dot and without an address's brackets
  bool is_ipv6 = false;
  std::optional<std::uint16_t> port;
  bool operator==(const Authority&) const = default;
};

// "host", "host:port", "[address]:port"; nothing else. nullopt: not an authority.
std::optional<Authority> parse_authority(std::string_view text);

// localhost, names below it, and addresses that lead back to this machine (127.0.0.0/8, ::1).
bool is_own_host(const Authority& authority);

// Why a request to an API without signatures is refused; empty: it is not.
struct BrowserRules {
  bool own_names_only = true;  // the server listens on loopback, and so is named as this machine is
  bool public_files = false;   // what is asked for is the same for everybody: any page may load it
};
std::string_view browser_objection(const net::Request& request, BrowserRules rules);

}  // namespace millrace::app
