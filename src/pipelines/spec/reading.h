#pragma once
// What the readers of this folder share: errors that say where, and lists of what is known.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::reading {

// "line 14, root.dag.tasks.x: what"; the line is left out where the document had none (JSON).
tl::unexpected<Error> wrong(const Value& at, const std::string& path, std::string_view what);
// The same for a feature that is not executed: "line 14, path: importers are not executed by Millrace, so …".
tl::unexpected<Error> refused(const Value& at, const std::string& path, std::string_view feature);

Status only_known(const Value& object, const std::string& path, std::initializer_list<std::string_view> known);
Result<std::vector<std::string>> strings(const Value& value, const std::string& path);
Result<ParameterSource> parse_parameter_source(const Value& value, const std::string& path);

Result<Executor> parse_executor(const Value& value, const std::string& path);
// The Kubernetes extension. What has no meaning here is refused rather than ignored.
Status parse_platform(const Value& platform, PipelineSpec& pipeline);

// taskConfigPassthroughs of a component.
Result<std::map<PassedField, bool>> parse_passthroughs(const Value& value, const std::string& path);
// Once everything is read: splits each executor's settings into what is passed on and what the task itself gets.
void pass_settings_on(PipelineSpec& pipeline);

}  // namespace millrace::pipelines::reading
