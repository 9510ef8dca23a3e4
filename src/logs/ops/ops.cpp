#include "logs/ops/ops.h"

#include <algorithm>

#include <fmt/core.h>

namespace millrace::logs::ops {

std::string group_name(const Value& input) {
  if (input.has("logGroupName")) return input["logGroupName"].string_or();
  std::string identifier = input["logGroupIdentifier"].string_or();
  constexpr std::string_view kMark = ":log-group:";
  if (!identifier.starts_with("arn:")) return identifier;
  const auto at = identifier.find(kMark);
  if (at == std::string::npos) return identifier;
  identifier.erase(0, at + kMark.size());
  if (identifier.ends_with(":*")) identifier.erase(identifier.size() - 2);
  return identifier;
}

std::string stream_name(const Value& input) { return input["logStreamName"].string_or(); }

std::string group_arn(const aws::Call& call, const std::string& group) {
  return fmt::format("arn:aws:logs:{}:{}:log-group:{}", call.region, call.account, group);
}

aws::Resources on_group() {
  return [](const aws::Call& call, const Value& input) {
    return std::vector<std::string>{group_arn(call, group_name(input)) + ":log-stream:"};
  };
}

aws::Resources on_stream() {
  return [](const aws::Call& call, const Value& input) {
    return std::vector<std::string>{group_arn(call, group_name(input)) + ":log-stream:" + stream_name(input)};
  };
}

Status check_group_members(aws::Call&, const aws::OperationModel&, Value& input) {
  if (!input.has("logGroupName") || !input.has("logGroupIdentifier")) return {};
  return invalid_parameter("Only one of logGroupName or logGroupIdentifier can be specified.");
}

tl::unexpected<Error> invalid_parameter(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "InvalidParameterException");
}

Status require_group(const std::string& group) {
  if (group.empty()) return invalid_parameter("Either logGroupName or logGroupIdentifier must be specified.");
  return {};
}

std::size_t limit_or(const Value& input, std::size_t fallback) {
  const std::int64_t limit = input["limit"].int_or(static_cast<std::int64_t>(fallback));
  return static_cast<std::size_t>(std::max<std::int64_t>(limit, 1));
}

}  // namespace millrace::logs::ops
