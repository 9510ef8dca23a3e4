#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "logs/ops/ops.h"

namespace millrace::logs::ops {
namespace {

constexpr std::size_t kDigits = 20;

// "f/" or "b/", the event's time, its place: the events beyond it are the next page in that direction.
std::string token(Direction direction, Position position) {
  return fmt::format("{}/{:020}{:020}", direction == Direction::forward ? 'f' : 'b', position.at, position.sequence);
}

struct Token {
  Direction direction;
  Position position;
};

Result<Token> parse_token(std::string_view text) {
  if (text.size() == 2 + 2 * kDigits && (text.starts_with("f/") || text.starts_with("b/"))) {
    const auto at = parse_int(text.substr(2, kDigits)), sequence = parse_int(text.substr(2 + kDigits));
    if (at && sequence) {
      return Token{text[0] == 'f' ? Direction::forward : Direction::backward, {*at, *sequence}};
    }
  }
  return invalid_parameter("The specified nextToken is invalid.");
}

std::optional<std::int64_t> optional_ms(const Value& value) {
  return value.is_number() ? std::optional(value.as_int()) : std::nullopt;
}

}  // namespace

aws::Operation get_log_events(Store& store) {
  return {"GetLogEvents", "logs:GetLogEvents", on_stream(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string group = group_name(input), given = input["nextToken"].string_or();
            MR_TRY(require_group(group));
            Direction direction = input["startFromHead"].bool_or(false) ? Direction::forward : Direction::backward;
            std::optional<Position> from;
            if (!given.empty()) {
              const Token parsed = MR_TRY(parse_token(given));
              direction = parsed.direction;
              from = parsed.position;
            }
            const Range range{optional_ms(input["startTime"]), optional_ms(input["endTime"])};
            const auto events = MR_TRY(store.events(group, stream_name(input), range, direction, from,
                                                    std::min(limit_or(input, kMostEvents), kMostEvents), kMostBytes));
            // At the end of the stream the token that was given comes back: that is how a reader knows.
            const Position here = from.value_or(Position{});
            const Position first = events.empty() ? here : events.front().position;
            const Position last = events.empty() ? here : events.back().position;
            Value out = Value::object({{"events", Value::array()},
                                       {"nextForwardToken", token(Direction::forward, last)},
                                       {"nextBackwardToken", token(Direction::backward, first)}});
            for (const auto& event : events) {
              out.child("events").push(Value::object({{"timestamp", event.position.at},
                                                      {"message", event.message},
                                                      {"ingestionTime", to_epoch_ms(event.ingested)}}));
            }
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::logs::ops
