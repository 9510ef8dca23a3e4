#pragma once
// Script mode: a training job's own script in a framework's image. What the image's toolkit reads from the job's
// hyperparameters, and what the script finds in its arguments and variables. Pure.
// Source: aws/sagemaker-training-toolkit (environment.py, mapping.py, params.py, entry_point.py).

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "sagemaker/jobs/container.h"

namespace millrace::sagemaker {

struct ScriptMode {
  std::string program;  // "train.py"
  std::string source;   // "s3://…/sourcedir.tar.gz", a path below /opt/ml; empty: /opt/ml/code
};
// By the hyperparameters sagemaker_program and sagemaker_submit_directory, or the variables of these names in capital
// letters. nullopt: the job names no program.
std::optional<ScriptMode> script_mode_of(const Value& job);

// A hyperparameter as the script has it: the JSON that it is, else the text. SDKs write 3 as "3", and "abc" as
// "\"abc\"" or as it stands.
Value decode_hyperparameter(std::string_view text);

// The text of one, decoded; empty where it is not given.
std::string hyperparameter_text(const Value& job, std::string_view name);

// Those that are not the platform's own ("sagemaker_…", "_tuning_objective_metric"), decoded.
Value script_hyperparameters(const Value& job);

// "--name value", names sorted, "-x" for one letter; values as Python's str() writes them, objects as "k=v,…".
std::vector<std::string> script_arguments(const Value& hyperparameters);

// Every SM_* variable of the toolkit, for a job whose /opt/ml is at `ml`. `resources`: resourceconfig.json, `channels`:
// inputdataconfig.json.
void add_toolkit_variables(Environment& environment, const Value& job, const ScriptMode& script, const Value& resources,
                           const Value& channels, const std::filesystem::path& ml);

}  // namespace millrace::sagemaker
