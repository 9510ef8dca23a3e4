#pragma once
// Text encodings: base64 (RFC 4648), hex, percent-encoding (RFC 3986 as AWS applies it).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace {

std::string to_hex(std::span<const std::uint8_t> bytes);  // lower case
std::string to_hex(std::string_view bytes);
Result<std::string> from_hex(std::string_view text);
std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);  // padding required, no white space
std::string to_base64url(std::string_view bytes);        // no padding

// Unreserved characters (A-Z a-z 0-9 - _ . ~) stay; '/' stays when keep_slash.
std::string percent_encode(std::string_view text, bool keep_slash = false);
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace millrace
