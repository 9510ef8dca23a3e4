#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "logs/ops/ops.h"
#include "logs/pattern.h"

namespace millrace::logs::ops {
namespace {

std::string cursor_text(const Store::Cursor& cursor) {
  return fmt::format("{}.{}.{}", cursor.position.at, cursor.stream_id, cursor.position.sequence);
}

Result<std::optional<Store::Cursor>> parse_cursor(const std::string& text) {
  if (text.empty()) return std::optional<Store::Cursor>();
  const auto parts = split(text, '.');
  if (parts.size() == 3) {
    const auto at = parse_int(parts[0]), stream = parse_int(parts[1]), sequence = parse_int(parts[2]);
    if (at && stream && sequence) return std::optional(Store::Cursor{{*at, *sequence}, *stream});
  }
  return invalid_parameter("The specified nextToken is invalid.");
}

std::optional<std::int64_t> optional_ms(const Value& value) {
  return value.is_number() ? std::optional(value.as_int()) : std::nullopt;
}

}  // namespace

aws::Operation filter_log_events(Store& store) {
  return {
      "FilterLogEvents", "logs:FilterLogEvents", on_group(),
      [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
        const std::string group = group_name(input);
        MR_TRY(require_group(group));
        const Pattern pattern = MR_TRY(Pattern::parse(input["filterPattern"].string_or()));
        Store::Filter filter;
        for (const auto& name : input["logStreamNames"].items()) filter.streams.push_back(name.string_or());
        filter.stream_prefix = input["logStreamNamePrefix"].string_or();
        if (!filter.streams.empty() && !filter.stream_prefix.empty()) {
          return invalid_parameter("logStreamNames and logStreamNamePrefix are mutually exclusive parameters");
        }
        filter.range = {optional_ms(input["startTime"]), optional_ms(input["endTime"])};
        filter.matches = [&pattern](std::string_view message) { return pattern.matches(message); };
        filter.limit = std::min(limit_or(input, kMostEvents), kMostEvents);
        filter.max_bytes = kMostBytes;
        const auto found = MR_TRY(store.filter(group, filter, MR_TRY(parse_cursor(input["nextToken"].string_or()))));
        Value out = Value::object({{"events", Value::array()}, {"searchedLogStreams", Value::array()}});
        for (const auto& event : found.events) {
          out.child("events").push(Value::object({{"logStreamName", event.stream},
                                                  {"timestamp", event.position.at},
                                                  {"message", event.message},
                                                  {"ingestionTime", to_epoch_ms(event.ingested)},
                                                  {"eventId", fmt::format("{:020}{:016}{:020}", event.position.at,
                                                                          event.stream_id, event.position.sequence)}}));
        }
        if (found.next) out.set("nextToken", cursor_text(*found.next));
        return aws::Output(std::move(out));
      }};
}

}  // namespace millrace::logs::ops
