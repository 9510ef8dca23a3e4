#pragma once
// Where a text stops being JSON. The fast parser only says that it does; this walks the text once more, on the error
// path alone, to tell a person the place. Uses no recursion.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace millrace {

struct JsonFault {
  std::size_t at = 0;  // byte offset, from 0
  std::string_view what;
};

struct JsonScan {
  std::optional<JsonFault> fault;  // nothing when the text is JSON (RFC 8259, UTF-8, finite doubles)
  // Where integers end that 64 bits do not hold: JSON, but more than the fast parser reads.
  std::vector<std::size_t> large_integer_ends;
};

JsonScan scan_json(std::string_view text, std::size_t max_depth);

}  // namespace millrace
