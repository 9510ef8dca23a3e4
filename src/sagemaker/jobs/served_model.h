#pragma once
// A model as a transform job or an endpoint needs it: its image, its variables, the unpacked artifacts. What serves it:
// model_server.h.

#include <filesystem>
#include <string>

#include "base/result.h"
#include "sagemaker/jobs/job_kind.h"

namespace millrace::sagemaker {

struct ServedModel {
  std::string name, image, algorithm, model_data_url, role_arn;  // algorithm: empty for another's image
  Value environment;                                             // the container's, text by name
  bool isolated = false;                                         // EnableNetworkIsolation
  bool multi = false;                                            // model_data_url is a prefix; nothing to fetch ahead
};
// One container of a model's Describe document. Error: a sentence for FailureReason, when it cannot be served here.
Result<ServedModel> served_model(const Value& model, std::size_t container);

// The inference script's directory as SAGEMAKER_SUBMIT_DIRECTORY has it in S3; does nothing where that does not name
// it: the script is then in the model's own "code".
Status fetch_script(const Dependencies& dependencies, const ServedModel& model, const std::filesystem::path& folder,
                    const std::string& origin, const Checkpoint& checkpoint = {});

// Fetches and unpacks the artifacts to `folder` (made new; there only when complete). `origin`: Resource::origin() of
// what it is fetched for.
Status fetch_model(const Dependencies& dependencies, const ServedModel& model, const std::filesystem::path& folder,
                   const std::string& origin, const Checkpoint& checkpoint = {});

}  // namespace millrace::sagemaker
