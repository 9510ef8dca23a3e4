#pragma once
// Pictures for a terminal: digits in half blocks, and a plain table.

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::app {

// 28×28 grey pixels as 14 lines of 28 characters. `colour`: 24-bit greys; otherwise the four shades of a font.
std::vector<std::string> draw_digit(const std::uint8_t* pixels, bool colour);

// Several pictures side by side, `per_row` to a row, each with its captions beneath (ASCII, at most 28 characters).
struct Picture {
  std::vector<std::string> lines;
  std::vector<std::string> captions;
};
std::string side_by_side(const std::vector<Picture>& pictures, std::size_t per_row);

// The first row is the heading; numbers are set right.
std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace millrace::app
