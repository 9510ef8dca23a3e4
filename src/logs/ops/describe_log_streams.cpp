#include "base/strings.h"
#include "logs/ops/ops.h"

namespace millrace::logs::ops {
namespace {

Value describe(const aws::Call& call, const std::string& group, const Stream& stream) {
  Value out = Value::object({{"logStreamName", stream.name},
                             {"creationTime", to_epoch_ms(stream.created)},
                             {"arn", group_arn(call, group) + ":log-stream:" + stream.name},
                             {"storedBytes", 0}});  // AWS reports 0 for streams since 2019
  if (stream.first_event) out.set("firstEventTimestamp", to_epoch_ms(*stream.first_event));
  if (stream.last_event) out.set("lastEventTimestamp", to_epoch_ms(*stream.last_event));
  if (stream.last_ingestion) out.set("lastIngestionTime", to_epoch_ms(*stream.last_ingestion));
  return out;
}

}  // namespace

aws::Operation describe_log_streams(Store& store) {
  return {"DescribeLogStreams", "logs:DescribeLogStreams", on_group(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string group = group_name(input), prefix = input["logStreamNamePrefix"].string_or();
            MR_TRY(require_group(group));
            const Store::StreamOrder order{input["orderBy"].string_or() == "LastEventTime",
                                           input["descending"].bool_or(false)};
            if (order.by_last_event && !prefix.empty()) {
              return invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
            }
            const auto offset = parse_int(input["nextToken"].string_or("0"));
            if (!offset || *offset < 0) return invalid_parameter("The specified nextToken is invalid.");
            const std::size_t limit = limit_or(input, kDefaultPage);
            auto streams = MR_TRY(store.streams(group, prefix, order, static_cast<std::size_t>(*offset), limit + 1));
            Value out = Value::object({{"logStreams", Value::array()}});
            const bool more = streams.size() > limit;
            if (more) streams.pop_back();
            for (const auto& stream : streams) out.child("logStreams").push(describe(call, group, stream));
            if (more) out.set("nextToken", std::to_string(*offset + static_cast<std::int64_t>(limit)));
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::logs::ops
