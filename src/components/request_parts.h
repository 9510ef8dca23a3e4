#pragma once
// Pieces of requests that several components build from the same arguments.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "components/arguments.h"

namespace millrace::components {

// The argument {"a": "b"} to [{"Key": "a", "Value": "b"}]. Errors: empty text.
Result<Value> tag_list(const Arguments& arguments, std::string_view name);

Value comma_list(const std::string& text);  // "a,b" to ["a", "b"]

// VpcConfig from vpc_security_group_ids and vpc_subnets, when both are given.
void add_vpc(Value& target, const Arguments& arguments);

// What a training job and a tuning job's definition of its training jobs have in common: algorithm, role, channels,
// output (to the S3 address in `output_argument`), resources, network, stopping and spot. Errors: no algorithm, no
// channel, spot capacity without a checkpoint's S3 address or with max_wait_time below max_run_time.
Status add_training(Value& target, const Arguments& arguments, std::string_view output_argument);

// The hyperparameters as they are. Errors: empty text; a value that is not a string.
Result<Value> checked_hyperparameters(const Arguments& arguments, std::string_view name);

// "https://<region>.console.aws.amazon.com/<service>/home?region=<region>#<fragment>"
std::string console_url(const Arguments& arguments, std::string_view service, std::string_view fragment);
// The lines that say where a training job is.
void announce_training_job(const Arguments& arguments, const std::string& job_name);
// The line that says where a job's log is.
void log_cloudwatch_url(const Arguments& arguments, std::string_view group, std::string_view prefix);

}  // namespace millrace::components
