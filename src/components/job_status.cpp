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
  const Value& address = job["ModelArtifacts"]["S3ModelArtifacts"];
  if (address.is_string()) return address.as_string();
  return fail(Code::failed_precondition, "The training job " + training_job + " has no model artifacts.");
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

Result<Value> training_results(Session& session, const std::string& training_job) {
  Value results = Value::object({{"job_name", training_job}});
  results.set("model_artifact_url", MR_TRY(model_artifacts_of(session, training_job)));
  results.set("training_image", MR_TRY(training_image_of(session, training_job)));
  return results;
}

}  // namespace millrace::components
