#include "app/lab/draw.h"

#include <algorithm>

#include <fmt/core.h>

namespace millrace::app {
namespace {

constexpr std::size_t kSide = 28;

std::string shade(unsigned grey) {
  constexpr const char* kShades[] = {" ", "░", "▒", "▓", "█"};
  return kShades[grey * 4 / 255];
}

bool looks_like_a_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.-% ") == std::string::npos;
}

}  // namespace

std::vector<std::string> draw_digit(const std::uint8_t* pixels, bool colour) {
  std::vector<std::string> lines;
  for (std::size_t y = 0; y < kSide; y += 2) {
    std::string line;
    for (std::size_t x = 0; x < kSide; ++x) {
      const unsigned upper = pixels[y * kSide + x], lower = pixels[(y + 1) * kSide + x];
      line +=
          colour ? fmt::format("\x1b[38;2;{0};{0};{0};48;2;{1};{1};{1}m▀", upper, lower) : shade((upper + lower) / 2);
    }
    if (colour) line += "\x1b[0m";
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string side_by_side(const std::vector<Picture>& pictures, std::size_t per_row) {
  std::string text;
  for (std::size_t from = 0; from < pictures.size(); from += per_row) {
    const std::size_t to = std::min(pictures.size(), from + per_row);
    for (std::size_t line = 0; line < kSide / 2; ++line) {
      for (std::size_t i = from; i < to; ++i) text += pictures[i].lines[line] + "  ";
      text += '\n';
    }
    std::size_t captions = 0;
    for (std::size_t i = from; i < to; ++i) captions = std::max(captions, pictures[i].captions.size());
    for (std::size_t line = 0; line < captions; ++line) {
      for (std::size_t i = from; i < to; ++i) {
        text += fmt::format("{:<28}  ", line < pictures[i].captions.size() ? pictures[i].captions[line] : "");
      }
      text += '\n';
    }
    text += '\n';
  }
  return text;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      const bool right = r == 0 ? rows.size() > 1 && looks_like_a_number(rows[1][i]) : looks_like_a_number(rows[r][i]);
      text += right ? fmt::format("{:>{}}  ", rows[r][i], widths[i]) : fmt::format("{:<{}}  ", rows[r][i], widths[i]);
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    text += '\n';
  }
  return text;
}

}  // namespace millrace::app
