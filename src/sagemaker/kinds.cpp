#include "sagemaker/kinds.h"

#include <algorithm>
#include <array>

namespace millrace::sagemaker {
namespace {

constexpr ErrorWords invalid(std::string_view text) { return {Code::invalid_argument, "ValidationException", text}; }
constexpr ErrorWords in_use(std::string_view text) { return {Code::already_exists, "ResourceInUse", text}; }

constexpr std::string_view kProcessingSummary[] = {"FailureReason", "ExitMessage"};
constexpr std::string_view kTrainingSummary[] = {"SecondaryStatus"};
constexpr std::string_view kTransformSummary[] = {"FailureReason"};
constexpr std::string_view kTuningSummary[] = {"TrainingJobStatusCounters", "ObjectiveStatusCounters",
                                               "HyperParameterTuningJobConfig.Strategy",
                                               "HyperParameterTuningJobConfig.ResourceLimits"};

constexpr ErrorWords kJobMissing = invalid("Could not find requested job with name: {name}");
constexpr ErrorWords kJobTaken =
    in_use("Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})");

constexpr ListDefaults kOldestFirst{SortField::created, false};
constexpr ListDefaults kNewestFirst{SortField::created, true};
constexpr ListDefaults kByName{SortField::name, false};

constexpr std::array<KindInfo, 7> kKinds{{
    {.kind = Kind::processing_job,
     .name = "ProcessingJob",
     .arn_segment = "processing-job",
     .name_member = "ProcessingJobName",
     .arn_member = "ProcessingJobArn",
     .status_member = "ProcessingJobStatus",
     .start_member = "ProcessingStartTime",
     .end_member = "ProcessingEndTime",
     .list_member = "ProcessingJobSummaries",
     .summary_paths = kProcessingSummary,
     .list_defaults = kOldestFirst,
     .describe = {"DescribeProcessingJob", "sagemaker:DescribeProcessingJob"},
     .list = {"ListProcessingJobs", "sagemaker:ListProcessingJobs"},
     .stop = {{"StopProcessingJob", "sagemaker:StopProcessingJob"}},
     .erase = {{"DeleteProcessingJob", "sagemaker:DeleteProcessingJob"}},
     .missing = kJobMissing,
     .taken = kJobTaken,
     .log_group = "/aws/sagemaker/ProcessingJobs",
     .slug = "processing-jobs",
     .singular = "Processing job",
     .plural = "Processing jobs",
     .hint = "A processing job runs a script over data in S3. The lab's pipeline starts with one."},
    {.kind = Kind::training_job,
     .name = "TrainingJob",
     .arn_segment = "training-job",
     .name_member = "TrainingJobName",
     .arn_member = "TrainingJobArn",
     .status_member = "TrainingJobStatus",
     .start_member = "TrainingStartTime",
     .end_member = "TrainingEndTime",
     .list_member = "TrainingJobSummaries",
     .summary_paths = kTrainingSummary,
     .list_defaults = kOldestFirst,
     .describe = {"DescribeTrainingJob", "sagemaker:DescribeTrainingJob"},
     .list = {"ListTrainingJobs", "sagemaker:ListTrainingJobs"},
     .stop = {{"StopTrainingJob", "sagemaker:StopTrainingJob"}},
     .erase = {{"DeleteTrainingJob", "sagemaker:DeleteTrainingJob"}},
     .missing = invalid("Requested resource not found."),
     .taken = in_use("Training job names must be unique within an AWS account and region, and a training job with this "
                     "name already exists ({arn})"),
     .log_group = "/aws/sagemaker/TrainingJobs",
     .slug = "training-jobs",
     .singular = "Training job",
     .plural = "Training jobs",
     .hint = "A training job fits a model to data in S3. Pipelines with the training component make them, and so does "
             "aws sagemaker create-training-job."},
    {.kind = Kind::tuning_job,
     .name = "HyperParameterTuningJob",
     .arn_segment = "hyper-parameter-tuning-job",
     .name_member = "HyperParameterTuningJobName",
     .arn_member = "HyperParameterTuningJobArn",
     .status_member = "HyperParameterTuningJobStatus",
     .start_member = "",
     .end_member = "HyperParameterTuningEndTime",
     .list_member = "HyperParameterTuningJobSummaries",
     .summary_paths = kTuningSummary,
     .list_defaults = kByName,
     .describe = {"DescribeHyperParameterTuningJob", "sagemaker:DescribeHyperParameterTuningJob"},
     .list = {"ListHyperParameterTuningJobs", "sagemaker:ListHyperParameterTuningJobs"},
     .stop = {{"StopHyperParameterTuningJob", "sagemaker:StopHyperParameterTuningJob"}},
     .erase = {{"DeleteHyperParameterTuningJob", "sagemaker:DeleteHyperParameterTuningJob"}},
     .missing = {Code::not_found, "ResourceNotFound",
                 "Amazon SageMaker can't find a tuning job with the name {name}. Type another name."},
     .taken = in_use("A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."),
     .log_group = "",
     .slug = "tuning-jobs",
     .singular = "Tuning job",
     .plural = "Tuning jobs",
     .hint = "A tuning job starts training jobs with different hyperparameters and keeps the best."},
    {.kind = Kind::transform_job,
     .name = "TransformJob",
     .arn_segment = "transform-job",
     .name_member = "TransformJobName",
     .arn_member = "TransformJobArn",
     .status_member = "TransformJobStatus",
     .start_member = "TransformStartTime",
     .end_member = "TransformEndTime",
     .list_member = "TransformJobSummaries",
     .summary_paths = kTransformSummary,
     .list_defaults = kNewestFirst,
     .describe = {"DescribeTransformJob", "sagemaker:DescribeTransformJob"},
     .list = {"ListTransformJobs", "sagemaker:ListTransformJobs"},
     .stop = {{"StopTransformJob", "sagemaker:StopTransformJob"}},
     .erase = {},
     .missing = kJobMissing,
     .taken = kJobTaken,
     .log_group = "/aws/sagemaker/TransformJobs",
     .slug = "transform-jobs",
     .singular = "Transform job",
     .plural = "Transform jobs",
     .hint = "A transform job sends a whole data set through a model."},
    {.kind = Kind::model,
     .name = "Model",
     .arn_segment = "model",
     .name_member = "ModelName",
     .arn_member = "ModelArn",
     .status_member = "",
     .start_member = "",
     .end_member = "",
     .list_member = "Models",
     .modified = false,
     .summary_paths = {},
     .list_defaults = kNewestFirst,
     .describe = {"DescribeModel", "sagemaker:DescribeModel"},
     .list = {"ListModels", "sagemaker:ListModels"},
     .stop = {},
     .erase = {{"DeleteModel", "sagemaker:DeleteModel"}},
     .missing = invalid("Could not find model \"{arn}\"."),
     .taken = invalid("Cannot create already existing model \"{arn}\"."),
     .log_group = "",
     .slug = "models",
     .singular = "Model",
     .plural = "Models",
     .hint = "A model is an image and the artifacts of a training job. The model component makes one."},
    {.kind = Kind::endpoint_config,
     .name = "EndpointConfig",
     .arn_segment = "endpoint-config",
     .name_member = "EndpointConfigName",
     .arn_member = "EndpointConfigArn",
     .status_member = "",
     .start_member = "",
     .end_member = "",
     .list_member = "EndpointConfigs",
     .modified = false,
     .summary_paths = {},
     .list_defaults = kNewestFirst,
     .describe = {"DescribeEndpointConfig", "sagemaker:DescribeEndpointConfig"},
     .list = {"ListEndpointConfigs", "sagemaker:ListEndpointConfigs"},
     .stop = {},
     .erase = {{"DeleteEndpointConfig", "sagemaker:DeleteEndpointConfig"}},
     .missing = invalid("Could not find endpoint configuration \"{arn}\"."),
     .taken = invalid("Cannot create already existing endpoint configuration \"{arn}\"."),
     .log_group = "",
     .slug = "endpoint-configs",
     .singular = "Endpoint configuration",
     .plural = "Endpoint configurations",
     .hint = "An endpoint configuration says which models an endpoint serves, and on what machines. The deploy "
             "component makes one."},
    {.kind = Kind::endpoint,
     .name = "Endpoint",
     .arn_segment = "endpoint",
     .name_member = "EndpointName",
     .arn_member = "EndpointArn",
     .status_member = "EndpointStatus",
     .start_member = "",
     .end_member = "",
     .list_member = "Endpoints",
     .summary_paths = {},
     .list_defaults = kNewestFirst,
     .describe = {"DescribeEndpoint", "sagemaker:DescribeEndpoint"},
     .list = {"ListEndpoints", "sagemaker:ListEndpoints"},
     .stop = {},
     .erase = {},
     .missing = invalid("Could not find endpoint \"{arn}\"."),
     .taken = invalid("Cannot create already existing endpoint \"{arn}\"."),
     .log_group = "/aws/sagemaker/Endpoints/",
     .slug = "endpoints",
     .singular = "Endpoint",
     .plural = "Endpoints",
     .hint = "An endpoint answers requests with a model. The deploy component makes one."},
}};

}  // namespace

std::span<const KindInfo> all_kinds() { return kKinds; }

const KindInfo& info_of(Kind kind) {
  return *std::find_if(kKinds.begin(), kKinds.end(), [&](const KindInfo& k) { return k.kind == kind; });
}

const KindInfo* find_kind(std::string_view name) {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindInfo& k) { return k.name == name; });
  return found == kKinds.end() ? nullptr : &*found;
}

}  // namespace millrace::sagemaker
