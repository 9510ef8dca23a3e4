#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/jobs/monitoring_plan.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/ops/monitoring.h"

namespace millrace::sagemaker {
namespace {

// Of what monitoring_definition() and inline_definition() give.
Status check_definition(const Value& definition) {
  if (!definition["Input"].is_object()) return validation_error("The job definition must have an EndpointInput.");
  MR_TRY(refuse_unsupported(
      definition, {{"Baseline.BaseliningJobName",
                    "BaseliningJobName is not supported here; give ConstraintsResource and StatisticsResource."}}));
  for (const Value& output : definition["Outputs"]["MonitoringOutputs"].items()) {
    MR_TRY(check_s3_uri("S3Uri", output["S3Output"]["S3Uri"]));
    MR_TRY(below_opt_ml(output["S3Output"]["LocalPath"].string_or()));
  }
  for (const auto* resource : {"ConstraintsResource", "StatisticsResource"}) {
    const Value& uri = definition["Baseline"][resource]["S3Uri"];
    if (!uri.is_null()) MR_TRY(check_s3_uri("S3Uri", uri));
  }
  for (const auto* offset : {"StartTimeOffset", "EndTimeOffset"}) {
    const std::string text = definition["Input"][offset].string_or();
    if (!text.empty()) MR_TRY(parse_offset(text));
  }
  return check_instances(definition["Cluster"]["InstanceType"], definition["Cluster"]["InstanceCount"],
                         "processing job", kMaxHosts);
}

constexpr std::string_view kNoTransforms = "BatchTransformInput is not supported here; use EndpointInput.";

}  // namespace

Result<Resource> build_job_definition(const AccountRegion& account_region, Kind kind, const Value& request, Time now) {
  for (const auto* input :
       {"DataQualityJobInput", "ModelBiasJobInput", "ModelExplainabilityJobInput", "ModelQualityJobInput"}) {
    MR_TRY(refuse_unsupported(request[input], {{"BatchTransformInput", kNoTransforms}}));
  }
  MR_TRY(check_definition(monitoring_definition(kind, request)));
  Resource definition;
  definition.kind = kind;
  definition.name = request["JobDefinitionName"].string_or();
  definition.arn = arn_of(account_region, kind, definition.name);
  definition.created = definition.modified = now;
  definition.body.set("JobDefinitionArn", definition.arn).set("JobDefinitionName", definition.name);
  definition.body.set("CreationTime", seconds(now));
  for (const auto& [name, value] : request.members()) {
    if (name != "Tags" && name != "JobDefinitionName") definition.body.set(name, value);
  }
  return definition;
}

Status check_schedule_config(const Value& config) {
  const std::string name = config["MonitoringJobDefinitionName"].string_or(),
                    type = config["MonitoringType"].string_or();
  const Value& own = config["MonitoringJobDefinition"];
  if (own.is_object() == !name.empty()) {
    return validation_error("Give either MonitoringJobDefinition or MonitoringJobDefinitionName.");
  }
  if (!name.empty() && type.empty()) {
    return validation_error("MonitoringType must be given with MonitoringJobDefinitionName.");
  }
  if (own.is_object()) {
    if (!type.empty() && type != "DataQuality") {
      return validation_error(
          fmt::format("MonitoringType {} needs a MonitoringJobDefinitionName; MonitoringJobDefinition is for "
                      "DataQuality alone.",
                      type));
    }
    MR_TRY(refuse_unsupported(own, {{"MonitoringInputs[].BatchTransformInput", kNoTransforms}}));
    MR_TRY(check_definition(inline_definition(own)));
  }
  const Value& schedule = config["ScheduleConfig"];
  if (!schedule.is_object()) return validation_error("ScheduleConfig must be given, with a ScheduleExpression.");
  const auto times = MR_TRY(parse_schedule_expression(schedule["ScheduleExpression"].string_or()));
  if (times.once && (!schedule.has("DataAnalysisStartTime") || !schedule.has("DataAnalysisEndTime"))) {
    return validation_error(
        "DataAnalysisStartTime and DataAnalysisEndTime must be given with the ScheduleExpression NOW.");
  }
  MR_TRY(monitored_hours(schedule, own.is_object() ? inline_definition(own)["Input"] : Value(), Time()));
  return {};
}

}  // namespace millrace::sagemaker
