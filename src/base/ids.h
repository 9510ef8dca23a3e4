#pragma once
// Random bytes (getrandom) and the identifiers made of them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

void random_bytes(std::span<std::uint8_t> out);
std::uint64_t random_u64();
std::string uuid4();                             // lower case, RFC 9562 version 4
std::string random_hex(std::size_t characters);  // lower case
std::string random_base36(std::size_t characters, bool upper = false);
// Characters drawn uniformly from `alphabet` (at most 256 of them).
std::string random_string(std::size_t characters, std::string_view alphabet);

}  // namespace millrace
