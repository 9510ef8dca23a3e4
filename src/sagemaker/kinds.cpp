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

constexpr std::string_view kPackageGroupSummary[] = {"ModelPackageGroupDescription"};
constexpr std::string_view kPackageSummary[] = {"ModelPackageGroupName",   "ModelPackageVersion",
                                                "ModelPackageDescription", "ModelApprovalStatus",
                                                "ModelLifeCycle",          "ModelPackageRegistrationType"};

constexpr std::string_view kScheduleSummary[] = {"EndpointName", "MonitoringScheduleConfig.MonitoringJobDefinitionName",
                                                 "MonitoringType"};
constexpr ListFilter kScheduleFilters[] = {
    {"EndpointName", "EndpointName"},
    {"MonitoringJobDefinitionName", "MonitoringScheduleConfig.MonitoringJobDefinitionName"},
    {"MonitoringTypeEquals", "MonitoringType"}};

constexpr ErrorWords not_found(std::string_view text) { return {Code::not_found, "ResourceNotFound", text}; }

// What differs between the four kinds of monitoring job definitions.
struct DefinitionWords {
  Kind kind;
  std::string_view name, arn_segment, slug, singular, plural, hint;
  KindOperation describe, list, erase;
  std::span<const std::string_view> summary;
  std::span<const ListFilter> filters;
  std::string_view missing, taken;
};

constexpr KindInfo job_definition(const DefinitionWords& words) {
  return {.kind = words.kind,
          .name = words.name,
          .arn_segment = words.arn_segment,
          .name_member = "JobDefinitionName",
          .arn_member = "JobDefinitionArn",
          .status_member = "",
          .start_member = "",
          .end_member = "",
          .list_member = "JobDefinitionSummaries",
          .modified = false,
          .list_name_member = "MonitoringJobDefinitionName",
          .list_arn_member = "MonitoringJobDefinitionArn",
          .list_filters = words.filters,
          .summary_paths = words.summary,
          .list_defaults = kNewestFirst,
          .describe = words.describe,
          .list = words.list,
          .stop = {},
          .erase = words.erase,
          .missing = not_found(words.missing),
          .taken = in_use(words.taken),
          .log_group = "",
          .slug = words.slug,
          .singular = words.singular,
          .plural = words.plural,
          .hint = words.hint};
}

constexpr std::string_view kDataQualitySummary[] = {"DataQualityJobInput.EndpointInput.EndpointName"};
constexpr std::string_view kModelBiasSummary[] = {"ModelBiasJobInput.EndpointInput.EndpointName"};
constexpr std::string_view kExplainabilitySummary[] = {"ModelExplainabilityJobInput.EndpointInput.EndpointName"};
constexpr std::string_view kModelQualitySummary[] = {"ModelQualityJobInput.EndpointInput.EndpointName"};
constexpr ListFilter kDataQualityFilters[] = {{"EndpointName", kDataQualitySummary[0]}};
constexpr ListFilter kModelBiasFilters[] = {{"EndpointName", kModelBiasSummary[0]}};
constexpr ListFilter kExplainabilityFilters[] = {{"EndpointName", kExplainabilitySummary[0]}};
constexpr ListFilter kModelQualityFilters[] = {{"EndpointName", kModelQualitySummary[0]}};

constexpr std::array<KindInfo, 15> kKinds{{
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
    {.kind = Kind::model_package_group,
     .name = "ModelPackageGroup",
     .arn_segment = "model-package-group",
     .name_member = "ModelPackageGroupName",
     .arn_member = "ModelPackageGroupArn",
     .status_member = "ModelPackageGroupStatus",
     .start_member = "",
     .end_member = "",
     .list_member = "ModelPackageGroupSummaryList",
     .modified = false,
     .by_arn = true,
     .summary_paths = kPackageGroupSummary,
     .list_defaults = kOldestFirst,
     .describe = {"DescribeModelPackageGroup", "sagemaker:DescribeModelPackageGroup"},
     .list = {"ListModelPackageGroups", "sagemaker:ListModelPackageGroups"},
     .stop = {},
     .erase = {{"DeleteModelPackageGroup", "sagemaker:DeleteModelPackageGroup"}},
     .missing = invalid("Model Package Group {arn} does not exist."),
     .taken = invalid("Model Package Group already exists: {arn}"),
     .log_group = "",
     .slug = "model-package-groups",
     .singular = "Model package group",
     .plural = "Model package groups",
     .hint = "A model package group has the versions of a model. The SDK's Model.register makes one."},
    {.kind = Kind::model_package,
     .name = "ModelPackage",
     .arn_segment = "model-package",
     .name_member = "ModelPackageName",
     .arn_member = "ModelPackageArn",
     .status_member = "ModelPackageStatus",
     .start_member = "",
     .end_member = "",
     .list_member = "ModelPackageSummaryList",
     .modified = false,
     .by_arn = true,
     .own_list = true,
     .summary_paths = kPackageSummary,
     .list_defaults = kOldestFirst,
     .describe = {"DescribeModelPackage", "sagemaker:DescribeModelPackage"},
     .list = {"ListModelPackages", "sagemaker:ListModelPackages"},
     .stop = {},
     .erase = {{"DeleteModelPackage", "sagemaker:DeleteModelPackage"}},
     .missing = invalid("ModelPackage {arn} does not exist."),
     .taken = invalid("Model Package already exists: {arn}"),
     .log_group = "",
     .slug = "model-packages",
     .singular = "Model package",
     .plural = "Model packages",
     .hint = "A model package is a model that can be approved, found again and deployed by its version."},
    {.kind = Kind::monitoring_schedule,
     .name = "MonitoringSchedule",
     .arn_segment = "monitoring-schedule",
     .name_member = "MonitoringScheduleName",
     .arn_member = "MonitoringScheduleArn",
     .status_member = "MonitoringScheduleStatus",
     .start_member = "",
     .end_member = "",
     .list_member = "MonitoringScheduleSummaries",
     .own_describe = true,
     .list_filters = kScheduleFilters,
     .summary_paths = kScheduleSummary,
     .list_defaults = kNewestFirst,
     .describe = {"DescribeMonitoringSchedule", "sagemaker:DescribeMonitoringSchedule"},
     .list = {"ListMonitoringSchedules", "sagemaker:ListMonitoringSchedules"},
     .stop = {},
     .erase = {{"DeleteMonitoringSchedule", "sagemaker:DeleteMonitoringSchedule"}},
     .missing = not_found("Monitoring Schedule {arn} not found"),
     .taken = in_use("Monitoring schedule names must be unique within an AWS account and region, and one with this "
                     "name already exists ({arn})"),
     .log_group = "",
     .slug = "monitoring-schedules",
     .singular = "Monitoring schedule",
     .plural = "Monitoring schedules",
     .hint = "A monitoring schedule starts processing jobs over what an endpoint's data capture has kept."},
    job_definition({.kind = Kind::data_quality_job_definition,
                    .name = "DataQualityJobDefinition",
                    .arn_segment = "data-quality-job-definition",
                    .slug = "data-quality-job-definitions",
                    .singular = "Data quality job definition",
                    .plural = "Data quality job definitions",
                    .hint = "It says how an endpoint's data quality is looked at; a monitoring schedule names it.",
                    .describe = {"DescribeDataQualityJobDefinition", "sagemaker:DescribeDataQualityJobDefinition"},
                    .list = {"ListDataQualityJobDefinitions", "sagemaker:ListDataQualityJobDefinitions"},
                    .erase = {"DeleteDataQualityJobDefinition", "sagemaker:DeleteDataQualityJobDefinition"},
                    .summary = kDataQualitySummary,
                    .filters = kDataQualityFilters,
                    .missing = "Could not find data quality job definition '{arn}'.",
                    .taken = "Data quality job definition names must be unique within an AWS account and region, and "
                             "one with this name already exists "
                             "({arn})"}),
    job_definition({.kind = Kind::model_bias_job_definition,
                    .name = "ModelBiasJobDefinition",
                    .arn_segment = "model-bias-job-definition",
                    .slug = "model-bias-job-definitions",
                    .singular = "Model bias job definition",
                    .plural = "Model bias job definitions",
                    .hint = "It says how an endpoint's model bias is looked at; a monitoring schedule names it.",
                    .describe = {"DescribeModelBiasJobDefinition", "sagemaker:DescribeModelBiasJobDefinition"},
                    .list = {"ListModelBiasJobDefinitions", "sagemaker:ListModelBiasJobDefinitions"},
                    .erase = {"DeleteModelBiasJobDefinition", "sagemaker:DeleteModelBiasJobDefinition"},
                    .summary = kModelBiasSummary,
                    .filters = kModelBiasFilters,
                    .missing = "Could not find model bias job definition '{arn}'.",
                    .taken = "Model bias job definition names must be unique within an AWS account and region, and one "
                             "with this name already exists "
                             "({arn})"}),
    job_definition(
        {.kind = Kind::model_explainability_job_definition,
         .name = "ModelExplainabilityJobDefinition",
         .arn_segment = "model-explainability-job-definition",
         .slug = "model-explainability-job-definitions",
         .singular = "Model explainability job definition",
         .plural = "Model explainability job definitions",
         .hint = "It says how an endpoint's model explainability is looked at; a monitoring schedule names it.",
         .describe = {"DescribeModelExplainabilityJobDefinition", "sagemaker:DescribeModelExplainabilityJobDefinition"},
         .list = {"ListModelExplainabilityJobDefinitions", "sagemaker:ListModelExplainabilityJobDefinitions"},
         .erase = {"DeleteModelExplainabilityJobDefinition", "sagemaker:DeleteModelExplainabilityJobDefinition"},
         .summary = kExplainabilitySummary,
         .filters = kExplainabilityFilters,
         .missing = "Could not find model explainability job definition '{arn}'.",
         .taken = "Model explainability job definition names must be unique within an AWS account and region, and one "
                  "with this name already exists "
                  "({arn})"}),
    job_definition({.kind = Kind::model_quality_job_definition,
                    .name = "ModelQualityJobDefinition",
                    .arn_segment = "model-quality-job-definition",
                    .slug = "model-quality-job-definitions",
                    .singular = "Model quality job definition",
                    .plural = "Model quality job definitions",
                    .hint = "It says how an endpoint's model quality is looked at; a monitoring schedule names it.",
                    .describe = {"DescribeModelQualityJobDefinition", "sagemaker:DescribeModelQualityJobDefinition"},
                    .list = {"ListModelQualityJobDefinitions", "sagemaker:ListModelQualityJobDefinitions"},
                    .erase = {"DeleteModelQualityJobDefinition", "sagemaker:DeleteModelQualityJobDefinition"},
                    .summary = kModelQualitySummary,
                    .filters = kModelQualityFilters,
                    .missing = "Could not find model quality job definition '{arn}'.",
                    .taken = "Model quality job definition names must be unique within an AWS account and region, and "
                             "one with this name already exists "
                             "({arn})"}),
    {.kind = Kind::workteam,
     .name = "Workteam",
     .arn_segment = "workteam/private-crowd",
     .name_member = "WorkteamName",
     .arn_member = "WorkteamArn",
     .status_member = "",
     .start_member = "",
     .end_member = "",
     .list_member = "Workteams",
     .modified = false,
     .wrapper = "Workteam",
     .summary_paths = {},
     .list_defaults = kByName,
     .describe = {"DescribeWorkteam", "sagemaker:DescribeWorkteam"},
     .list = {"ListWorkteams", "sagemaker:ListWorkteams"},
     .stop = {},
     .erase = {{"DeleteWorkteam", "sagemaker:DeleteWorkteam"}},
     .missing = invalid("The work team {arn} does not exist."),
     .taken = in_use("A work team with this name already exists ({arn})"),
     .log_group = "",
     .slug = "workteams",
     .singular = "Work team",
     .plural = "Work teams",
     .hint = "A work team is people who label data. Here it is a record; there are no people to give tasks to."},
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
