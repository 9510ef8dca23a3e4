#pragma once
// JSON (RFC 8259) to and from Value. Reading: simdjson, exact doubles. Writing: shortest round-trip numbers,
// integral doubles without a fraction ("2", never "2.0": KFP components parse integers), no exponent below 1e21.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace {

struct JsonLimits {
  std::size_t max_bytes = 64u << 20;
  std::size_t max_depth = 256;
  bool refuse_duplicate_keys = false;  // IAM policies set this; otherwise the last one wins
};

// Errors: invalid_argument, "JSON: <what> at byte N".
Result<Value> parse_json(std::string_view text, const JsonLimits& limits = {});

std::string to_json(const Value& value);  // compact
std::string to_json_pretty(const Value& value, int indent = 2);
void append_json(std::string& out, const Value& value);            // compact
void append_json_string(std::string& out, std::string_view text);  // quoted and escaped
std::string format_number(double number);                          // as the writer prints it

}  // namespace millrace
