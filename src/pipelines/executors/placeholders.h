#pragma once
// The placeholders of command lines and parameter values: {{$.inputs.parameters['x']}} and its siblings, and the JSON
// forms {"Concat": […]} and {"IfPresent": {…}}. Pure.
// Source: kubeflow/pipelines sdk/python/kfp/dsl/placeholders.py, backend/src/v2/component/launcher_v2.go.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::pipelines::executors {

struct PlaceholderContext {
  const Value* executor_input = nullptr;  // the whole ExecutorInput (camelCase), for {{$}} and everything beneath
  std::string job_name, job_resource_name, job_id, task_name, task_id, pod_name, pipeline_root, create_time,
      schedule_time, workspace_path;
};

// A value as text: strings raw, numbers without exponent or needless fraction, booleans true/false, the rest JSON.
std::string text_of(const Value& value);

// Replaces every placeholder in `text`. Errors: invalid_argument, naming a placeholder that is not known.
Result<std::string> substitute(std::string_view text, const PlaceholderContext& context);
// In every string of a value, however deep.
Result<Value> substitute_value(const Value& value, const PlaceholderContext& context);
// A parameter's value with what it says of the run and the task ({{$.pipeline_job_name}} and its like). Everything else
// that looks like a placeholder is the user's text: what a task gets as data must not fail it.
Value with_facts(const Value& value, const PlaceholderContext& context);
// A whole command line; an IfPresent may become several arguments or none.
Result<std::vector<std::string>> substitute_arguments(const std::vector<std::string>& arguments,
                                                      const PlaceholderContext& context);

}  // namespace millrace::pipelines::executors
