#pragma once
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "components/component.h"

namespace millrace::components {

// A description's end: `done` is good, "Failed" is not (with its FailureReason), nor is "Stopped"; anything else goes
// on.
JobStatus job_status(const Value& description, std::string_view status_member, std::string_view done = "Completed");

// From DescribeTrainingJob, each asked for on its own.
Result<std::string> model_artifacts_of(Session& session, const std::string& training_job);
Result<std::string> training_image_of(Session& session, const std::string& training_job);
// The outputs of the components that train: job_name, model_artifact_url, training_image.
Result<Value> training_results(Session& session, const std::string& training_job);

}  // namespace millrace::components
