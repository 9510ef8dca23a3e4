#pragma once
// Pieces of requests that several components build from the same arguments.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "components/arguments.h"

namespace millrace::components {

Value tag_list(const Value& tags);  // {"a": "b"} to [{"Key": "a", "Value": "b"}]

// VpcConfig from vpc_security_group_ids and vpc_subnets, when both are given.
void add_vpc(Value& target, const Arguments& arguments);

// What a training job and a tuning job's definition of its training jobs have in common: algorithm, role, channels,
// output (to the S3 address in `output_argument`), resources, network, stopping and spot. Errors: no algorithm, no
// channel, spot capacity without a checkpoint's S3 address or with max_wait_time below max_run_time.
Status add_training(Value& target, const Arguments& arguments, std::string_view output_argument);

// The hyperparameters as they are. Errors: a value that is not a string.
Result<Value> checked_hyperparameters(const Value& hyperparameters);

// "https://<region>.console.aws.amazon.com/<service>/home?region=<region>#<fragment>"
std::string console_url(const Arguments& arguments, std::string_view service, std::string_view fragment);
// The line that says where a job's log is.
void log_cloudwatch_url(const Arguments& arguments, std::string_view group, std::string_view prefix);

}  // namespace millrace::components
