#pragma once
// SageMaker's container contract: what a job's program finds in its environment and under /opt/ml/input/config. Pure.
// Source: developer guide, "How Amazon SageMaker provides training information" and "How Amazon SageMaker processing
// runs your container".

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {

using Environment = std::vector<std::pair<std::string, std::string>>;
void set_variable(Environment& environment, std::string_view name, std::string_view value);  // replaces

inline constexpr std::string_view kProgramPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// PATH, HOME, LANG, and the region and endpoint for programs that call AWS themselves.
Environment base_environment(std::string_view region, std::string_view endpoint_url);

// The files below input/config of a training job, name and content.
std::vector<std::pair<std::string, std::string>> training_config_files(const Value& job);
// The SM_* variables of a training program whose /opt/ml stands at `ml`.
void add_training_variables(Environment& environment, const Value& job, const std::filesystem::path& ml);
// config/processingjobconfig.json and config/resourceconfig.json.
std::vector<std::pair<std::string, std::string>> processing_config_files(const Value& job);

// The command line of an image that is not one of ours. An image itself does not run here; what it would run does,
// when this machine has it. Python images' python3 is this machine's.
struct Program {
  std::vector<std::string> command;
};
// Error (invalid_argument): a sentence that says why this image cannot run here, and what can.
Result<Program> program_of(const std::string& image, const Value& entrypoint, const Value& arguments,
                           const std::filesystem::path& ml);

}  // namespace millrace::sagemaker
