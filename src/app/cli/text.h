#pragma once
// Words for a terminal: what every command prints alike. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace millrace::app {

// "0.42 s", "12.3 s", "2 m 05 s", "1 h 04 m".
std::string duration_text(double seconds);
std::string bytes_text(std::uint64_t bytes);  // "0 B", "12.3 KiB", "4.5 GiB"
std::string ago_text(double seconds);         // "just now", "4 minutes ago", "2 days ago"

// Columns of a terminal: two for a Chinese character or an emoji, none for what stands on the character before it.
std::size_t display_width(std::string_view text);
// Without the controls and escape sequences of whoever wrote a name or a log (base/terminal_text.h); one line.
std::string one_line(std::string_view text);
std::string cut(std::string_view text, std::size_t width);  // to so many columns, the last an ellipsis
std::string pad(std::string text, std::size_t width);

struct StateLook {
  std::string_view state, mark, colour, word;
};
const StateLook& look_of_state(std::string_view state);  // KFP's RuntimeState
bool is_final(std::string_view state);

// Columns as wide as their widest cell, two blanks between; the first row is the heading.
std::vector<std::string> align(const std::vector<std::vector<std::string>>& rows);

}  // namespace millrace::app
