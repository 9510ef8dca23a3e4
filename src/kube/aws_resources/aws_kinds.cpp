#include "kube/aws_resources/aws_kinds.h"

#include <algorithm>

#include <fmt/core.h>

#include "aws/model.h"
#include "base/strings.h"
#include "kube/aws_resources/field_names.h"
#include "kube/aws_resources/resource_schema.h"

namespace millrace::kube {
namespace {

using Words = std::string_view[];

constexpr Words kJobBusy = {"InProgress", "Stopping"};
constexpr Words kEndpointBusy = {"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"};
constexpr Words kScheduleBusy = {"Pending"};

constexpr Words kTrainingRequired = {"AlgorithmSpecification", "ResourceConfig", "StoppingCondition"};
constexpr Words kTrainingStatus = {"TrainingJobStatus",
                                   "SecondaryStatus",
                                   "FailureReason",
                                   "ModelArtifacts",
                                   "CreationTime",
                                   "LastModifiedTime",
                                   "DebugRuleEvaluationStatuses",
                                   "ProfilerRuleEvaluationStatuses",
                                   "ProfilingStatus",
                                   "WarmPoolStatus"};
constexpr Words kProcessingStatus = {"ProcessingJobStatus", "FailureReason"};
constexpr Words kTransformStatus = {"TransformJobStatus", "FailureReason"};
constexpr Words kTuningStatus = {"HyperParameterTuningJobStatus", "FailureReason", "BestTrainingJob",
                                 "OverallBestTrainingJob"};
constexpr Words kEndpointStatus = {"EndpointStatus",   "FailureReason",      "CreationTime",
                                   "LastModifiedTime", "ProductionVariants", "PendingDeploymentSummary"};
constexpr Words kScheduleStatus = {"MonitoringScheduleStatus", "FailureReason", "CreationTime", "LastModifiedTime",
                                   "LastMonitoringExecutionSummary"};

constexpr std::string_view kNotValid = "ValidationException", kNotFound = "ResourceNotFound";

constexpr AwsKind job_definition(std::string_view kind, std::string_view plural) {
  return {.kind = kind,
          .plural = plural,
          .name_member = "JobDefinitionName",
          .arn_member = "JobDefinitionArn",
          .required = {},
          .absent_code = kNotFound,
          .absent_message = ""};
}

constexpr AwsKind kKinds[] = {
    {.kind = "TrainingJob",
     .plural = "trainingjobs",
     .name_member = "TrainingJobName",
     .arn_member = "TrainingJobArn",
     .on_delete = OnDelete::stop,
     .required = kTrainingRequired,
     .status_member = "TrainingJobStatus",
     .busy = kJobBusy,
     .status_members = kTrainingStatus,
     .secondary_status = true,
     .absent_code = kNotValid,
     .absent_message = "Requested resource not found"},
    {.kind = "ProcessingJob",
     .plural = "processingjobs",
     .name_member = "ProcessingJobName",
     .arn_member = "ProcessingJobArn",
     .on_delete = OnDelete::stop,
     .required = {},
     .status_member = "ProcessingJobStatus",
     .busy = kJobBusy,
     .status_members = kProcessingStatus,
     .absent_code = kNotValid,
     .absent_message = "Could not find requested job"},
    {.kind = "TransformJob",
     .plural = "transformjobs",
     .name_member = "TransformJobName",
     .arn_member = "TransformJobArn",
     .on_delete = OnDelete::stop,
     .required = {},
     .status_member = "TransformJobStatus",
     .busy = kJobBusy,
     .status_members = kTransformStatus,
     .absent_code = kNotValid,
     .absent_message = "Could not find requested job"},
    {.kind = "HyperParameterTuningJob",
     .plural = "hyperparametertuningjobs",
     .name_member = "HyperParameterTuningJobName",
     .arn_member = "HyperParameterTuningJobArn",
     .on_delete = OnDelete::stop,
     .required = {},
     .status_member = "HyperParameterTuningJobStatus",
     .busy = kJobBusy,
     .status_members = kTuningStatus,
     .absent_code = kNotFound,
     .absent_message = ""},
    {.kind = "Model",
     .plural = "models",
     .name_member = "ModelName",
     .arn_member = "ModelArn",
     .required = {},
     .absent_code = kNotValid,
     .absent_message = "Could not find model"},
    {.kind = "EndpointConfig",
     .plural = "endpointconfigs",
     .name_member = "EndpointConfigName",
     .arn_member = "EndpointConfigArn",
     .required = {},
     .absent_code = kNotValid,
     .absent_message = "Could not find endpoint configuration"},
    {.kind = "Endpoint",
     .plural = "endpoints",
     .name_member = "EndpointName",
     .arn_member = "EndpointArn",
     .can_change = true,
     .update_mark = "EndpointConfigName",
     .required = {},
     .status_member = "EndpointStatus",
     .busy = kEndpointBusy,
     .failed = "Failed",
     .status_members = kEndpointStatus,
     .absent_code = kNotValid,
     .absent_message = "Could not find endpoint"},
    {.kind = "MonitoringSchedule",
     .plural = "monitoringschedules",
     .name_member = "MonitoringScheduleName",
     .arn_member = "MonitoringScheduleArn",
     .can_change = true,
     .required = {},
     .status_member = "MonitoringScheduleStatus",
     .busy = kScheduleBusy,
     .status_members = kScheduleStatus,
     .absent_code = kNotFound,
     .absent_message = ""},
    job_definition("DataQualityJobDefinition", "dataqualityjobdefinitions"),
    job_definition("ModelBiasJobDefinition", "modelbiasjobdefinitions"),
    job_definition("ModelExplainabilityJobDefinition", "modelexplainabilityjobdefinitions"),
    job_definition("ModelQualityJobDefinition", "modelqualityjobdefinitions"),
};

// As a custom resource definition's additionalPrinterColumns; without any, a kind shows its age.
Value aws_cells(const AwsKind& row, const Value& object, Time now) {
  const Value& status = object.at("status");
  Value cells = Value::array({object.at("metadata").at("name")});
  if (row.status_member.empty()) return cells.push(age(object, now));
  cells.push(status.at("failureReason").string_or());
  if (row.secondary_status) cells.push(status.at("secondaryStatus").string_or());
  return cells.push(status.at(resource_field(row.status_member)).string_or());
}

std::vector<Column> aws_columns(const AwsKind& row) {
  std::vector<Column> columns = {{.name = "Name", .format = "name"}};
  if (row.status_member.empty()) {
    columns.push_back({.name = "Age", .type = "date"});
    return columns;
  }
  columns.push_back({.name = "Failure-Reason", .priority = 1});
  if (row.secondary_status) columns.push_back({.name = "Secondary-Status"});
  columns.push_back({.name = "Status"});
  return columns;
}

Status admit_aws(const AwsKind& row, const Value& object, const Value* present, FieldErrors& errors) {
  if (present == nullptr && !row.is_served()) {
    return fail(forbidden(fmt::format("{}.{}", row.plural, kSageMakerGroup),
                          object.at("metadata").at("name").string_or(),
                          fmt::format("{} is not served here", row.operation("Create"))));
  }
  check_by_schema(resource_schema_name(row), object, errors);
  return {};
}

Kind kind_of(const AwsKind& row) {
  Kind kind{.plural = std::string(row.plural),
            .singular = to_lower(row.kind),
            .kind = std::string(row.kind),
            .group = kSageMakerGroup,
            .version = "v1alpha1",
            .schema = resource_schema_name(row)};
  kind.is_custom = true;
  kind.columns = aws_columns(row);
  kind.cells = [&row](const Value& object, Time now) { return aws_cells(row, object, now); };
  kind.admit = [&row](Value& object, const Value* present, FieldErrors& errors) {
    return admit_aws(row, object, present, errors);
  };
  return kind;
}

}  // namespace

std::string AwsKind::finalizer() const { return fmt::format("finalizers.{}/{}", kSageMakerGroup, kind); }

bool AwsKind::is_served() const { return aws::service_model("sagemaker").operation(operation("Create")) != nullptr; }

std::span<const AwsKind> aws_kinds() { return kKinds; }

const AwsKind* find_aws_kind(std::string_view resource) {
  const auto dot = resource.find('.');
  if (dot == std::string_view::npos || resource.substr(dot + 1) != kSageMakerGroup) return nullptr;
  const auto found = std::ranges::find(kKinds, resource.substr(0, dot), &AwsKind::plural);
  return found == std::end(kKinds) ? nullptr : found;
}

const std::vector<Kind>& aws_resource_kinds() {
  static const std::vector<Kind> kinds = [] {
    std::vector<Kind> made;
    for (const AwsKind& row : kKinds) made.push_back(kind_of(row));
    return made;
  }();
  return kinds;
}

}  // namespace millrace::kube
