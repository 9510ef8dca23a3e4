#include <set>

#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/ops/requests.h"

namespace millrace::sagemaker {
namespace {

constexpr std::int64_t kDefaultMaxRuntime = 86'400;

Status check_inputs(const Value& request) {
  std::set<std::string> names;
  for (const auto& input : request["ProcessingInputs"].items()) {
    const std::string name = input["InputName"].string_or();
    if (!names.insert(name).second) {
      return validation_error(fmt::format("InputName must be unique: {} is given twice.", name));
    }
    MR_TRY(refuse_unsupported(input, {{"DatasetDefinition", "DatasetDefinition is not supported; use S3Input."},
                                      {"AppManaged", "AppManaged inputs are not supported."}}));
    const Value& s3 = input["S3Input"];
    if (!s3.is_object()) return validation_error(fmt::format("The input {} has no S3Input.", name));
    if (s3["S3InputMode"].string_or("File") != "File") {
      return validation_error(fmt::format("S3InputMode Pipe of the input {} is not supported here; use File.", name));
    }
    if (s3["S3CompressionType"].string_or("None") != "None") {
      return validation_error("S3CompressionType Gzip can be used only with the Pipe input mode.");
    }
    MR_TRY(check_s3_uri("S3Uri", s3["S3Uri"]));
    MR_TRY(below_opt_ml(s3["LocalPath"].string_or()));
  }
  return {};
}

Status check_outputs(const Value& request) {
  std::set<std::string> names;
  for (const auto& output : request["ProcessingOutputConfig"]["Outputs"].items()) {
    const std::string name = output["OutputName"].string_or();
    if (!names.insert(name).second) {
      return validation_error(fmt::format("OutputName must be unique: {} is given twice.", name));
    }
    MR_TRY(refuse_unsupported(output, {{"FeatureStoreOutput", "FeatureStoreOutput is not supported; use S3Output."},
                                       {"AppManaged", "AppManaged outputs are not supported."}}));
    const Value& s3 = output["S3Output"];
    if (!s3.is_object()) return validation_error(fmt::format("The output {} has no S3Output.", name));
    if (s3["S3UploadMode"].string_or("EndOfJob") != "EndOfJob") {
      return validation_error(
          fmt::format("S3UploadMode Continuous of the output {} is not supported here; use EndOfJob.", name));
    }
    MR_TRY(check_s3_uri("S3Uri", s3["S3Uri"]));
    MR_TRY(below_opt_ml(s3["LocalPath"].string_or()));
  }
  return {};
}

}  // namespace

Result<Resource> build_processing_job(const AccountRegion& account_region, const Value& request, Time now) {
  MR_TRY(check_inputs(request));
  MR_TRY(check_outputs(request));
  const Value& cluster = request["ProcessingResources"]["ClusterConfig"];
  MR_TRY(check_instances(cluster["InstanceType"], cluster["InstanceCount"], "processing job", kMaxHosts));
  MR_TRY(check_isolation(cluster["InstanceCount"], request["NetworkConfig"]["EnableNetworkIsolation"]));

  Resource job;
  job.kind = Kind::processing_job;
  job.name = request["ProcessingJobName"].string_or();
  job.arn = arn_of(account_region, job.kind, job.name);
  job.status = "InProgress";
  job.created = job.modified = now;
  job.active = true;
  Value& body = job.body;
  body.set("ProcessingJobName", job.name).set("ProcessingJobArn", job.arn).set("ProcessingJobStatus", job.status);
  for (const std::string_view member :
       {"ProcessingInputs", "ProcessingOutputConfig", "ProcessingResources", "AppSpecification", "Environment",
        "NetworkConfig", "RoleArn", "ExperimentConfig"}) {
    if (request.has(member) && !request[member].is_null()) body.set(member, request[member]);
  }
  Value stopping = request["StoppingCondition"].is_object() ? request["StoppingCondition"] : Value::object();
  if (!stopping.has("MaxRuntimeInSeconds")) stopping.set("MaxRuntimeInSeconds", kDefaultMaxRuntime);
  body.set("StoppingCondition", std::move(stopping));
  body.set("CreationTime", seconds(now)).set("LastModifiedTime", seconds(now));
  job.state.set("log_stream", fmt::format("{}/algo-1-{}", job.name, to_epoch_ms(now) / 1000));
  return job;
}

}  // namespace millrace::sagemaker
