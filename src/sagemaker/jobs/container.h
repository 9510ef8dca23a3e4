#pragma once
// SageMaker's container contract: what a job's program finds in its environment and under /opt/ml/input/config.
// Source: developer guide, "How Amazon SageMaker provides training information" and "How Amazon SageMaker processing
// runs your container".

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "sagemaker/frameworks/environments.h"
#include "sagemaker/jobs/hosts.h"
#include "sagemaker/resource.h"
#include "work/workload.h"

namespace millrace::sagemaker {

using Environment = std::vector<std::pair<std::string, std::string>>;
void set_variable(Environment& environment, std::string_view name, std::string_view value);  // replaces

using frameworks::kProgramPath;

// PATH, HOME, LANG, for a program of this machine; an image has its own.
void add_program_variables(Environment& environment);
// The region and the endpoint, for programs that call AWS themselves.
void add_aws_variables(Environment& environment, std::string_view region, std::string_view endpoint_url);

// What a training job's program finds of its instances and its channels.
struct TrainingConfig {
  Value resources, channels;  // resourceconfig.json, inputdataconfig.json
};
TrainingConfig training_config(const Value& job, const Host& host = {});
// The files below input/config of a training job, name and content.
std::vector<std::pair<std::string, std::string>> training_config_files(const Value& job, const Host& host = {});
// The SM_* variables of a training program whose /opt/ml stands at `ml`.
void add_training_variables(Environment& environment, const Value& job, const std::filesystem::path& ml,
                            const Host& host = {});
// config/processingjobconfig.json and config/resourceconfig.json.
std::vector<std::pair<std::string, std::string>> processing_config_files(const Value& job, const Host& host = {});

std::vector<std::string> words_of(const Value& list);
// ContainerEntrypoint and ContainerArguments of an AlgorithmSpecification or AppSpecification, one after the other.
std::vector<std::string> command_line_of(const Value& specification);
// The request's own variables, of its Environment member.
Environment variables_of(const Value& environment);

// The command line of an image that is not one of ours, and that no container engine has. What it would run does run,
// when this machine has it. Python images' python3 is this machine's.
struct Program {
  std::vector<std::string> command;
};
// Error (invalid_argument): a sentence that says why this image cannot run here, and what can.
Result<Program> program_of(const std::string& image, const Value& entrypoint, const Value& arguments,
                           const std::filesystem::path& ml);

// A job in its own image, which the container engine has: the image's entry point unless the job names another.
void put_in_image(work::Workload& spec, const std::string& image, std::vector<std::string> entrypoint,
                  std::vector<std::string> arguments);
// /opt/ml of a job in its image; `ml` is laid out, and nothing of the job has run yet. The image's user, whoever that
// is, may write to its directories.
Status mount_in_image(work::Workload& spec, const std::filesystem::path& ml, bool network);

}  // namespace millrace::sagemaker
