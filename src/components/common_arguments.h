#pragma once
// Arguments that several of the published components have in common.

#include <array>

#include "components/arguments.h"

namespace millrace::components {

inline constexpr std::array kCommonArguments = {
    ArgumentSpec{"region", ArgumentType::string, "", true},
    ArgumentSpec{"endpoint_url", ArgumentType::string, kNone},
    ArgumentSpec{"assume_role", ArgumentType::string, kNone},
    ArgumentSpec{"tags", ArgumentType::object, "{}"},
};
inline constexpr std::array kSpotArguments = {
    ArgumentSpec{"spot_instance", ArgumentType::boolean, "False"},
    ArgumentSpec{"max_wait_time", ArgumentType::integer, "86400"},
    ArgumentSpec{"max_run_time", ArgumentType::integer, "86400"},
    ArgumentSpec{"checkpoint_config", ArgumentType::object, "{}"},
};
// Where a job runs and what its network is.
inline constexpr std::array kJobArguments = {
    ArgumentSpec{"role", ArgumentType::string, "", true},
    ArgumentSpec{"instance_type", ArgumentType::string, "ml.m4.xlarge"},
    ArgumentSpec{"instance_count", ArgumentType::integer, "1"},
    ArgumentSpec{"volume_size", ArgumentType::integer, "30"},
    ArgumentSpec{"resource_encryption_key", ArgumentType::string},
    ArgumentSpec{"output_encryption_key", ArgumentType::string},
    ArgumentSpec{"vpc_security_group_ids", ArgumentType::string, kNone},
    ArgumentSpec{"vpc_subnets", ArgumentType::string, kNone},
    ArgumentSpec{"network_isolation", ArgumentType::boolean, "True"},
    ArgumentSpec{"traffic_encryption", ArgumentType::boolean, "False"},
};
// What a training job and a tuning job's training jobs run on.
inline constexpr std::array kTrainingArguments = {
    ArgumentSpec{"image", ArgumentType::string},
    ArgumentSpec{"algorithm_name", ArgumentType::string},
    ArgumentSpec{"metric_definitions", ArgumentType::object, "{}"},
    ArgumentSpec{"training_input_mode", ArgumentType::string, "File", false, "File|Pipe"},
    ArgumentSpec{"channels", ArgumentType::array, "", true},
};

}  // namespace millrace::components
