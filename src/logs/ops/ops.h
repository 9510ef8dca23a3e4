#pragma once
// The operations of CloudWatch Logs, one file each, and what they share.

#include <string>

#include "aws/gateway.h"
#include "logs/store.h"

namespace millrace::logs::ops {

aws::Operation create_log_group(Store& store);
aws::Operation delete_log_group(Store& store);
aws::Operation describe_log_groups(Store& store);
aws::Operation put_retention_policy(Store& store);
aws::Operation delete_retention_policy(Store& store);
aws::Operation create_log_stream(Store& store);
aws::Operation delete_log_stream(Store& store);
aws::Operation describe_log_streams(Store& store);
aws::Operation put_log_events(Store& store);
aws::Operation get_log_events(Store& store);
aws::Operation filter_log_events(Store& store);
aws::Operation tag_resource(Store& store);
aws::Operation tag_log_group(Store& store);
aws::Operation untag_resource(Store& store);
aws::Operation untag_log_group(Store& store);
aws::Operation list_tags_for_resource(Store& store);
aws::Operation list_tags_log_group(Store& store);

constexpr std::size_t kDefaultPage = 50;      // of the Describe operations
constexpr std::size_t kMostEvents = 10'000;   // in one answer
constexpr std::size_t kMostBytes = 1u << 20;  // of messages in one answer

// logGroupName, or the name in logGroupIdentifier, which may be an ARN. Empty when neither is given.
std::string group_name(const Value& input);
std::string stream_name(const Value& input);
// arn:aws:logs:region:account:log-group:name
std::string group_arn(const aws::Call& call, const std::string& group);
// What a policy must allow, as AWS names it in its errors: …:log-group:name:log-stream:stream. The stream is empty for
// operations on a group.
aws::Resources on_group();
aws::Resources on_stream();

// A group is named in one of two ways, not in both. InvalidParameterException.
Status check_group_members(aws::Call& call, const aws::OperationModel& operation, Value& input);
tl::unexpected<Error> invalid_parameter(std::string message);
Status require_group(const std::string& group);
std::size_t limit_or(const Value& input, std::size_t fallback);

}  // namespace millrace::logs::ops
