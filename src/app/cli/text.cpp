#include "app/cli/text.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace millrace::app {
namespace {

constexpr std::array<StateLook, 9> kLooks = {{{"PENDING", "○", "\x1b[2m", "pending"},
                                              {"RUNNING", "◐", "\x1b[36m", "running"},
                                              {"SUCCEEDED", "●", "\x1b[32m", "succeeded"},
                                              {"CACHED", "●", "\x1b[32m", "cached"},
                                              {"FAILED", "✗", "\x1b[31m", "failed"},
                                              {"SKIPPED", "–", "\x1b[2m", "skipped"},
                                              {"CANCELING", "◌", "\x1b[33m", "stopping"},
                                              {"CANCELED", "■", "\x1b[33m", "stopped"},
                                              {"PAUSED", "○", "\x1b[2m", "paused"}}};
constexpr double kMinute = 60, kHour = 3600, kDay = 86'400;

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string duration_text(double seconds) {
  seconds = std::max(seconds, 0.0);
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} m {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} m", whole / 3600, whole % 3600 / 60);
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
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

std::string cut(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t end = 0, points = 0;
  while (end < text.size()) {
    if (!continues(text[end]) && points++ == width - 1) break;
    ++end;
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
