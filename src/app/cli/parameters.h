#pragma once
// `-p name=value`, typed by the pipeline's input definitions.

#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::app {

// A text as a value of the parameter's type: numbers, true and false, JSON for LIST and STRUCT.
Result<Value> type_parameter(const std::string& name, const pipelines::ParameterSpec& spec, const std::string& text);

// All of them as runtime_config.parameters. "@path" is a file's content, "@@…" a text that starts with "@".
// Errors: invalid_argument; every problem is said, a line each: unknown, mistyped and missing parameters.
Result<Value> type_parameters(const pipelines::PipelineSpec& spec, const std::vector<std::string>& given);

// The same for a run that has values already: those that are given replace some of them, and none need be given again.
Result<Value> replace_parameters(const pipelines::PipelineSpec& spec, const Value& had,
                                 const std::vector<std::string>& given);

}  // namespace millrace::app
