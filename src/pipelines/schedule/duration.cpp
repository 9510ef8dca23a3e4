#include "pipelines/schedule/duration.h"

#include <string>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::pipelines::schedule {
namespace {

constexpr std::pair<std::string_view, double> kUnits[] = {  // milliseconds of each; longer names first
    {"ns", 1e-6}, {"us", 1e-3}, {"µs", 1e-3}, {"μs", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3'600e3}};
constexpr double kMaxMillis = 9.2e12;

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  const auto bad = fail(Code::invalid_argument, fmt::format("Failed to parse duration {}", text));
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return Millis(0);
  if (rest.empty()) return bad;
  double total = 0;
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    const auto amount = parse_double(rest.substr(0, digits));
    if (digits == 0 || !amount) return bad;
    rest.remove_prefix(digits);
    bool found = false;
    for (const auto& [name, millis] : kUnits) {
      if (found || !rest.starts_with(name)) continue;
      // "1m" and not the beginning of "1ms": the longer ones stand before.
      total += *amount * millis;
      rest.remove_prefix(name.size());
      found = true;
    }
    if (!found || total > kMaxMillis) return bad;
  }
  const Millis length(static_cast<std::int64_t>(total));
  return negative ? -length : length;
}

}  // namespace millrace::pipelines::schedule
