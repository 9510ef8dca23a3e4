#include "components/job_status.h"

namespace millrace::components {

JobStatus job_status(const Value& description, std::string_view status_member, std::string_view done) {
  JobStatus status;
  status.raw = description[status_member].string_or();
  if (status.raw == "Failed") {
    status.error_message = description["FailureReason"].string_or();
    if (status.error_message.empty()) status.error_message = "The job failed and SageMaker gives no reason.";
  } else if (status.raw == "Stopped") {
    status.error_message = "The job reached Stopped state";
  } else {
    status.is_completed = status.raw == done;
    return status;
  }
  status.is_completed = status.has_error = true;
  return status;
}

Result<std::string> model_artifacts_of(Session& session, const std::string& training_job) {
  const Value job =
      MR_TRY(session.sagemaker("DescribeTrainingJob", Value::object({{"TrainingJobName", training_job}})));
  return job["ModelArtifacts"]["S3ModelArtifacts"].string_or();
}

Result<std::string> training_image_of(Session& session, const std::string& training_job) {
  const Value job =
      MR_TRY(session.sagemaker("DescribeTrainingJob", Value::object({{"TrainingJobName", training_job}})));
  const Value& algorithm = job["AlgorithmSpecification"];
  if (algorithm.has("TrainingImage")) return algorithm["TrainingImage"].string_or();
  const Value described =
      MR_TRY(session.sagemaker("DescribeAlgorithm", Value::object({{"AlgorithmName", algorithm["AlgorithmName"]}})));
  return described["TrainingSpecification"]["TrainingImage"].string_or();
}

}  // namespace millrace::components
