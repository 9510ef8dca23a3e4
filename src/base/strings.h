#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

std::vector<std::string_view> split(std::string_view text, char separator);  // keeps empty parts
std::string_view trim(std::string_view text);                                // ASCII white space
std::string to_lower(std::string_view text);                                 // ASCII only
std::string to_upper(std::string_view text);                                 // ASCII only
bool equals_ignore_case(std::string_view a, std::string_view b);             // ASCII only
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string shell_quoted(std::string_view text);  // one word of a shell's command line, whatever it holds
std::string replace_all(std::string text, std::string_view from, std::string_view to);
// '*' any run, '?' one byte; linear in text * pattern, no recursion.
bool glob_match(std::string_view pattern, std::string_view text);
std::optional<std::int64_t> parse_int(std::string_view text);  // whole text, optional sign
std::optional<double> parse_double(std::string_view text);     // whole text, finite
bool is_valid_utf8(std::string_view text);

}  // namespace millrace
