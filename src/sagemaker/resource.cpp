#include "sagemaker/resource.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::sagemaker {
namespace {

constexpr std::array<KindNames, 7> kKinds{{
    {Kind::processing_job, "ProcessingJob", "processing-job", "ProcessingJobName", "ProcessingJobArn",
     "ProcessingJobStatus", "ProcessingStartTime", "ProcessingEndTime", "ProcessingJobSummaries", true},
    {Kind::training_job, "TrainingJob", "training-job", "TrainingJobName", "TrainingJobArn", "TrainingJobStatus",
     "TrainingStartTime", "TrainingEndTime", "TrainingJobSummaries", true},
    {Kind::tuning_job, "HyperParameterTuningJob", "hyper-parameter-tuning-job", "HyperParameterTuningJobName",
     "HyperParameterTuningJobArn", "HyperParameterTuningJobStatus", "", "HyperParameterTuningEndTime",
     "HyperParameterTuningJobSummaries", true},
    {Kind::transform_job, "TransformJob", "transform-job", "TransformJobName", "TransformJobArn", "TransformJobStatus",
     "TransformStartTime", "TransformEndTime", "TransformJobSummaries", true},
    {Kind::model, "Model", "model", "ModelName", "ModelArn", "", "", "", "Models", false},
    {Kind::endpoint_config, "EndpointConfig", "endpoint-config", "EndpointConfigName", "EndpointConfigArn", "", "", "",
     "EndpointConfigs", false},
    {Kind::endpoint, "Endpoint", "endpoint", "EndpointName", "EndpointArn", "EndpointStatus", "", "", "Endpoints",
     true},
}};

// Members of the summary besides name, ARN, status and times.
std::vector<std::string_view> summary_members(Kind kind) {
  switch (kind) {
    case Kind::processing_job:
      return {"FailureReason", "ExitMessage"};
    case Kind::training_job:
      return {"SecondaryStatus"};
    case Kind::transform_job:
      return {"FailureReason"};
    case Kind::tuning_job:
      return {"TrainingJobStatusCounters", "ObjectiveStatusCounters"};
    default:
      return {};
  }
}

}  // namespace

std::span<const KindNames> all_kinds() { return kKinds; }

const KindNames& names_of(Kind kind) {
  return *std::find_if(kKinds.begin(), kKinds.end(), [&](const KindNames& k) { return k.kind == kind; });
}

const KindNames* find_kind(std::string_view name) {
  const auto found = std::find_if(kKinds.begin(), kKinds.end(), [&](const KindNames& k) { return k.name == name; });
  return found == kKinds.end() ? nullptr : &*found;
}

std::string arn_of(const Place& place, Kind kind, std::string_view name) {
  return fmt::format("arn:aws:sagemaker:{}:{}:{}/{}", place.region, place.account, names_of(kind).arn_segment,
                     to_lower(name));
}

double seconds(Time time) { return to_epoch_seconds(time); }

Value summary_of(const Resource& resource) {
  const KindNames& names = names_of(resource.kind);
  Value summary = Value::object();
  summary.set(names.name_member, resource.name).set(names.arn_member, resource.arn);
  summary.set("CreationTime", seconds(resource.created));
  if (names.modified) summary.set("LastModifiedTime", seconds(resource.modified));
  if (!names.status_member.empty()) summary.set(names.status_member, resource.status);
  for (const auto member : {names.end_member}) {
    if (!member.empty() && resource.body.has(member)) summary.set(member, resource.body.at(member));
  }
  for (const auto member : summary_members(resource.kind)) {
    if (resource.body.has(member)) summary.set(member, resource.body.at(member));
  }
  if (resource.kind == Kind::tuning_job) {
    const Value& config = resource.body.at("HyperParameterTuningJobConfig");
    summary.set("Strategy", config.at("Strategy")).set("ResourceLimits", config.at("ResourceLimits"));
  }
  return summary;
}

}  // namespace millrace::sagemaker
