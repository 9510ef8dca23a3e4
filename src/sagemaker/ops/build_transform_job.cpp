#include <fmt/core.h>

#include "base/hash.h"
#include "sagemaker/errors.h"
#include "sagemaker/ops/requests.h"
#include "sagemaker/serving/deployment.h"

namespace millrace::sagemaker {

Result<Resource> build_transform_job(const AccountRegion& account_region, const Value& request, const Value& model,
                                     Time now) {
  for (const Value& container : containers_of(model)) {
    if (is_multi_model(container))
      return validation_error("Batch transform jobs do not run multi-model containers; give a model of one model.");
  }
  MR_TRY(refuse_unsupported(request, {{"DataCaptureConfig", "Data capture of transform jobs is not supported."}}));
  const Value& input = request["TransformInput"];
  const Value& source = input["DataSource"]["S3DataSource"];
  const std::string type = source["S3DataType"].string_or();
  if (type != "S3Prefix" && type != "ManifestFile") {
    return validation_error(fmt::format("S3DataType {} is not supported; use S3Prefix or ManifestFile.", type));
  }
  if (input["CompressionType"].string_or("None") != "None") {
    return validation_error("CompressionType Gzip of TransformInput is not supported; give the data uncompressed.");
  }
  const std::string split = input["SplitType"].string_or("None");
  if (split == "TFRecord") return validation_error("SplitType TFRecord is not supported; use Line, RecordIO or None.");
  const std::string strategy = request["BatchStrategy"].string_or();
  if (strategy == "MultiRecord" && split == "None" && request["DataProcessing"]["JoinSource"].string_or() == "Input") {
    return validation_error("To join the output with the input, SplitType must be Line or RecordIO.");
  }
  MR_TRY(check_s3_uri("S3Uri", source["S3Uri"]));
  MR_TRY(check_s3_uri("S3OutputPath", request["TransformOutput"]["S3OutputPath"]));
  const Value& resources = request["TransformResources"];
  MR_TRY(check_instances(resources["InstanceType"], resources["InstanceCount"], "transform job"));
  // The service's own rule: what may be in flight is bounded.
  const std::int64_t in_flight = request["MaxConcurrentTransforms"].int_or(1) * request["MaxPayloadInMB"].int_or(6);
  if (in_flight > 100) {
    return validation_error("MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100 MB.");
  }

  Resource job;
  job.kind = Kind::transform_job;
  job.name = request["TransformJobName"].string_or();
  job.arn = arn_of(account_region, job.kind, job.name);
  job.status = "InProgress";
  job.created = job.modified = now;
  job.active = true;
  Value& body = job.body;
  body.set("TransformJobName", job.name).set("TransformJobArn", job.arn).set("TransformJobStatus", job.status);
  for (const std::string_view member : {"ModelName", "MaxConcurrentTransforms", "ModelClientConfig", "MaxPayloadInMB",
                                        "BatchStrategy", "TransformInput", "TransformOutput", "TransformResources",
                                        "DataProcessing", "ExperimentConfig", "Environment"}) {
    if (request.has(member) && !request[member].is_null()) body.set(member, request[member]);
  }
  Value& stored_input = body.child("TransformInput");
  if (!stored_input.has("CompressionType")) stored_input.set("CompressionType", "None");
  if (!stored_input.has("SplitType")) stored_input.set("SplitType", "None");
  Value& stored_output = body.child("TransformOutput");
  if (!stored_output.has("AssembleWith")) stored_output.set("AssembleWith", "None");
  body.set("CreationTime", seconds(now));
  job.state.set("model", model);
  job.state.set("log_stream",
                fmt::format("{}/i-{}", job.name, sha256_hex(job.arn + std::to_string(to_epoch_ms(now))).substr(0, 17)));
  return job;
}

}  // namespace millrace::sagemaker
