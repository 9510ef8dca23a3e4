#pragma once
// Bytes of logs as JSON can carry them.

#include <string>
#include <string_view>

namespace millrace::console {

// The length of `bytes` without a character that has begun at its end and is not yet whole.
std::size_t whole_characters(std::string_view bytes);

// Every byte that is not part of valid UTF-8 becomes U+FFFD.
std::string as_utf8(std::string_view bytes);

}  // namespace millrace::console
