#include "app/prune/retention.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::app {
namespace {

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr Unit kUnits[] = {{'s', 1}, {'m', 60}, {'h', 3'600}, {'d', 86'400}, {'w', 604'800}};
constexpr std::int64_t kMostSeconds = 100LL * 365 * 86'400;

Result<std::optional<std::int64_t>> count(const Value& value, std::string_view name) {
  const Value& member = value[name];
  if (member.is_null()) return std::optional<std::int64_t>();
  if (!member.is_integer() || member.as_int() < 0)
    return fail(Code::invalid_argument, fmt::format("{} is a whole number of at least 0", name));
  return std::optional(member.as_int());
}

}  // namespace

std::vector<PrunableRun> runs_to_prune(const std::vector<PrunableRun>& runs, const Retention& retention, Time now) {
  std::vector<PrunableRun> gone;
  std::size_t position = 0;
  std::uint64_t bytes = 0;
  bool over = false;
  for (const PrunableRun& run : runs) {
    const double age = to_epoch_seconds(now) - to_epoch_seconds(run.finished);
    // A small run that ended before one that did not fit goes too: what stays is the latest, without gaps.
    bytes += run.bytes;
    over = over || (retention.max_bytes && bytes > *retention.max_bytes);
    const bool old = retention.older_than_seconds && age > static_cast<double>(*retention.older_than_seconds);
    const bool beyond = retention.keep && position >= *retention.keep;
    if (old || beyond || over) gone.push_back(run);
    ++position;
  }
  return gone;
}

Result<std::int64_t> parse_age(std::string_view text) {
  const auto refused = fail(Code::invalid_argument,
                            fmt::format("\"{}\" is no age; it is a number with s, m, h, d or w, such as 30d", text));
  std::int64_t unit = 1;
  std::string_view digits = text;
  for (const Unit& known : kUnits) {
    if (digits.ends_with(known.letter)) {
      unit = known.seconds;
      digits.remove_suffix(1);
      break;
    }
  }
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return refused;
  const auto number = parse_int(digits);
  if (!number || *number > kMostSeconds / unit) return refused;
  return *number * unit;
}

Result<Retention> retention_from(const Value& value) {
  Retention retention;
  retention.older_than_seconds = MR_TRY(count(value, "older_than_seconds"));
  if (const auto keep = MR_TRY(count(value, "keep"))) retention.keep = static_cast<std::size_t>(*keep);
  if (const auto bytes = MR_TRY(count(value, "max_bytes"))) retention.max_bytes = static_cast<std::uint64_t>(*bytes);
  return retention;
}

Value to_value(const Retention& retention) {
  Value value = Value::object();
  if (retention.older_than_seconds) value.set("older_than_seconds", *retention.older_than_seconds);
  if (retention.keep) value.set("keep", *retention.keep);
  if (retention.max_bytes) value.set("max_bytes", *retention.max_bytes);
  return value;
}

}  // namespace millrace::app
