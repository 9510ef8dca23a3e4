#include "logs/ops/ops.h"

namespace millrace::logs::ops {
namespace {

Value describe(const aws::Call& call, const Group& group) {
  const std::string arn = group_arn(call, group.name);
  Value out = Value::object({{"logGroupName", group.name},
                             {"creationTime", to_epoch_ms(group.created)},
                             {"metricFilterCount", 0},
                             {"arn", arn + ":*"},
                             {"storedBytes", group.stored_bytes},
                             {"logGroupClass", "STANDARD"},
                             {"logGroupArn", arn}});
  if (group.retention_days) out.set("retentionInDays", *group.retention_days);
  return out;
}

}  // namespace

aws::Operation describe_log_groups(Store& store) {
  const auto all_groups = [](const aws::Call& call, const Value&) {
    return std::vector<std::string>{group_arn(call, "") + ":log-stream:"};
  };
  return {"DescribeLogGroups", "logs:DescribeLogGroups", all_groups,
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string prefix = input["logGroupNamePrefix"].string_or();
            const std::string part = input["logGroupNamePattern"].string_or();
            if (!prefix.empty() && !part.empty()) {
              return invalid_parameter("logGroupNamePrefix and logGroupNamePattern are mutually exclusive parameters");
            }
            const std::size_t limit = limit_or(input, kDefaultPage);
            auto groups = MR_TRY(store.groups(prefix, part, input["nextToken"].string_or(), limit + 1));
            Value out = Value::object({{"logGroups", Value::array()}});
            const bool more = groups.size() > limit;
            if (more) groups.pop_back();
            for (const auto& group : groups) out.child("logGroups").push(describe(call, group));
            if (more) out.set("nextToken", groups.back().name);
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::logs::ops
