#include <fmt/core.h>

#include "logs/ops/ops.h"

namespace millrace::logs::ops {
namespace {

// Source: API reference, PutLogEvents.
constexpr std::int64_t kHourMs = 3'600'000, kDayMs = 24 * kHourMs;
constexpr std::int64_t kTooNewMs = 2 * kHourMs, kTooOldMs = 14 * kDayMs;
constexpr std::size_t kMaxBatchBytes = 1'048'576, kBytesPerEvent = 26;

struct Batch {
  std::vector<Event> events;  // those taken
  Value rejected;             // null when all are
};

// The list is in chronological order, so what is rejected stands at its ends.
Result<Batch> read_batch(const Value& list, std::int64_t now, std::optional<int> retention_days) {
  const auto& items = list.items();
  const auto time_of = [](const Value& item) { return item["timestamp"].int_or(0); };
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    bytes += items[i]["message"].string_or().size() + kBytesPerEvent;
    if (i > 0 && time_of(items[i]) < time_of(items[i - 1])) {
      return invalid_parameter("Log events in a single PutLogEvents request must be in chronological order.");
    }
  }
  if (bytes > kMaxBatchBytes) {
    return invalid_parameter(fmt::format("Upload too large: {} bytes exceeds limit of {}", bytes, kMaxBatchBytes));
  }
  if (!items.empty() && time_of(items.back()) - time_of(items.front()) > kDayMs) {
    return invalid_parameter(
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
  Batch batch;
  const std::int64_t expired = retention_days ? now - *retention_days * kDayMs : 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::int64_t at = time_of(items[i]);
    if (at > now + kTooNewMs) {
      batch.rejected.set("tooNewLogEventStartIndex", static_cast<std::int64_t>(i));
      break;
    }
    if (at < now - kTooOldMs) {
      batch.rejected.set("tooOldLogEventEndIndex", static_cast<std::int64_t>(i + 1));
    } else if (at < expired) {
      batch.rejected.set("expiredLogEventEndIndex", static_cast<std::int64_t>(i + 1));
    } else {
      batch.events.push_back({from_epoch_ms(at), items[i]["message"].string_or()});
    }
  }
  return batch;
}

}  // namespace

aws::Operation put_log_events(Store& store) {
  return {"PutLogEvents", "logs:PutLogEvents", on_stream(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string name = group_name(input);
            const Group group = MR_TRY(store.group(name));
            Batch batch = MR_TRY(read_batch(input["logEvents"], to_epoch_ms(store.now()), group.retention_days));
            MR_TRY(store.append(name, stream_name(input), batch.events, false));
            // Sequence tokens are no longer looked at by anyone, but still part of the answer.
            Value out = Value::object({{"nextSequenceToken", fmt::format("{:056}", to_epoch_ms(store.now()))}});
            if (!batch.rejected.is_null()) out.set("rejectedLogEventsInfo", std::move(batch.rejected));
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::logs::ops
