#pragma once
// A model as a transform job or an endpoint needs it: the image's algorithm, the unpacked artifacts.

#include <filesystem>
#include <string>

#include "base/result.h"
#include "sagemaker/jobs/job_kind.h"

namespace millrace::sagemaker {

struct ServedModel {
  std::string image, algorithm, model_data_url, role_arn;
};
// From a model's Describe document. Error: a sentence for FailureReason, when this model cannot be served here.
Result<ServedModel> served_model(const Value& model);

// Fetches and unpacks the artifacts to `folder` (made new; there only when complete). `origin`: Resource::origin() of
// what it is fetched for.
Status fetch_model(const Dependencies& dependencies, const ServedModel& model, const std::filesystem::path& folder,
                   const std::string& origin, const Checkpoint& checkpoint = {});

}  // namespace millrace::sagemaker
