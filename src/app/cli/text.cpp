#include "app/cli/text.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/core.h>

#include "base/terminal_text.h"

namespace millrace::app {
namespace {

constexpr std::array<StateLook, 9> kLooks = {{{"PENDING", "○", "\x1b[2m", "pending"},
                                              {"RUNNING", "◐", "\x1b[36m", "running"},
                                              {"SUCCEEDED", "●", "\x1b[32m", "succeeded"},
                                              {"CACHED", "●", "\x1b[32m", "cached"},
                                              {"FAILED", "✗", "\x1b[31m", "failed"},
                                              {"SKIPPED", "–", "\x1b[2m", "skipped"},
                                              {"CANCELING", "◌", "\x1b[33m", "canceling"},
                                              {"CANCELED", "■", "\x1b[33m", "canceled"},
                                              {"PAUSED", "○", "\x1b[2m", "paused"}}};
constexpr double kMinute = 60, kHour = 3600, kDay = 86'400;

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

struct Range {
  char32_t first, last;
};
// Source: Unicode's EastAsianWidth.txt (W and F) and DerivedGeneralCategory.txt (Mn, Me, Cf), the blocks in use,
// rounded to whole blocks.
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x2E80, 0x303E},
                           {0x3041, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
                           {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                           {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD}};
constexpr Range kNone[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F}, {0x1AB0, 0x1AFF},
                           {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

template <std::size_t N>
bool is_in(const Range (&ranges)[N], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& range) { return c >= range.first && c <= range.last; });
}

// The character that begins at `at`: its bytes and its columns. What is no UTF-8 counts a column a byte.
struct Character {
  std::size_t bytes = 1, columns = 1;
};
Character character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  std::size_t end = at + 1;
  while (end < text.size() && continues(text[end])) ++end;
  const std::size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 1;
  if (length == 1 || end - at != length) return {1, 1};
  char32_t c = first & (0xFFU >> (end - at + 1));
  for (std::size_t i = at + 1; i < end; ++i) c = (c << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  return {end - at, is_in(kNone, c) ? 0U : is_in(kWide, c) ? 2U : 1U};
}

}  // namespace

std::string duration_text(double seconds) {
  seconds = std::max(seconds, 0.0);
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} m {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} m", whole / 3600, whole % 3600 / 60);
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::string_view unit;
  for (const std::string_view larger : {"KiB", "MiB", "GiB", "TiB"}) {
    value /= 1024;
    unit = larger;
    if (value < 1023.95) break;
  }
  return fmt::format("{:.1f} {}", value, unit);
}

std::string ago_text(double seconds) {
  const auto count = [](double n, std::string_view unit) {
    const auto whole = static_cast<long long>(n);
    return fmt::format("{} {}{} ago", whole, unit, whole == 1 ? "" : "s");
  };
  if (seconds < 5) return "just now";
  if (seconds < kMinute) return count(seconds, "second");
  if (seconds < kHour) return count(seconds / kMinute, "minute");
  if (seconds < kDay) return count(seconds / kHour, "hour");
  return count(seconds / kDay, "day");
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    columns += character.columns;
    at += character.bytes;
  }
  return columns;
}

std::string one_line(std::string_view text) { return terminal_line(text); }

std::string cut(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t end = 0, columns = 0;
  while (end < text.size()) {
    const Character character = character_at(text, end);
    if (columns + character.columns > width - 1) break;
    columns += character.columns;
    end += character.bytes;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string pad(std::string text, std::size_t width) {
  const std::size_t has = display_width(text);
  if (has < width) text.append(width - has, ' ');
  return text;
}

const StateLook& look_of_state(std::string_view state) {
  for (const StateLook& look : kLooks) {
    if (look.state == state) return look;
  }
  return kLooks[0];
}

bool is_final(std::string_view state) {
  return state == "SUCCEEDED" || state == "FAILED" || state == "CANCELED" || state == "SKIPPED" || state == "CACHED";
}

std::vector<std::string> align(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += i + 1 == row.size() ? row[i] : pad(row[i], widths[i] + 2);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace millrace::app
