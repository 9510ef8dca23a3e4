#include <set>

#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/ops/requests.h"

namespace millrace::sagemaker {

namespace {

Status check_async(const Value& async) {
  const Value& output = async["OutputConfig"];
  if (output["S3OutputPath"].string_or().empty())
    return validation_error("AsyncInferenceConfig.OutputConfig.S3OutputPath must be given.");
  MR_TRY(check_s3_uri("S3OutputPath", output["S3OutputPath"]));
  if (!output["S3FailurePath"].is_null()) MR_TRY(check_s3_uri("S3FailurePath", output["S3FailurePath"]));
  return {};
}

// Developer guide, "Deploy models with Amazon SageMaker Serverless Inference": memory in steps of 1 GB, one variant, no
// data capture, no asynchronous inference.
Status check_serverless_variant(const Value& variant) {
  constexpr std::int64_t kMemoryStep = 1024;  // MB
  const std::string name = variant["VariantName"].string_or();
  const Value& serverless = variant["ServerlessConfig"];
  for (const std::string_view member : {"InstanceType", "InitialInstanceCount", "AcceleratorType", "VolumeSizeInGB"}) {
    if (!variant[member].is_null())
      return validation_error(fmt::format("{} cannot be given with ServerlessConfig (variant {}).", member, name));
  }
  if (serverless["MemorySizeInMB"].int_or(0) % kMemoryStep != 0)
    return validation_error("MemorySizeInMB must be one of 1024, 2048, 3072, 4096, 5120 and 6144.");
  if (serverless["ProvisionedConcurrency"].int_or(0) > serverless["MaxConcurrency"].int_or(0))
    return validation_error("ProvisionedConcurrency must not be greater than MaxConcurrency.");
  return {};
}

Status check_serverless(const Value& request) {
  const auto variants = request["ProductionVariants"].items();
  for (const Value& variant : variants) {
    if (variant["ServerlessConfig"].is_null()) continue;
    MR_TRY(check_serverless_variant(variant));
    if (variants.size() > 1)
      return validation_error("An endpoint configuration with a serverless variant can have one variant only.");
    if (request["DataCaptureConfig"]["EnableCapture"].bool_or(false))
      return validation_error("Data capture is not available for serverless variants.");
    if (!request["AsyncInferenceConfig"].is_null())
      return validation_error("Asynchronous inference is not available for serverless variants.");
  }
  return {};
}

}  // namespace

Result<Resource> build_endpoint_config(const AccountRegion& account_region, const Value& request, Time now) {
  MR_TRY(refuse_unsupported(request, {{"AsyncInferenceConfig.OutputConfig.NotificationConfig",
                                       "NotificationConfig is not supported: there is no SNS here; look for the "
                                       "objects at OutputLocation and FailureLocation."},
                                      {"ExplainerConfig", "ExplainerConfig is not supported."},
                                      {"ShadowProductionVariants", "Shadow variants are not supported."},
                                      {"CrossRegionTrafficConfig", "CrossRegionTrafficConfig is not supported."},
                                      {"ProductionVariants[].InstancePools", "Instance pools are not supported."}}));
  if (const Value& async = request["AsyncInferenceConfig"]; !async.is_null()) MR_TRY(check_async(async));
  MR_TRY(check_serverless(request));
  Value variants = request["ProductionVariants"];
  std::set<std::string> names;
  for (auto& variant : variants.as_array()) {
    const std::string name = variant["VariantName"].string_or();
    if (!names.insert(name).second) {
      return validation_error(fmt::format("Variant names must be unique: {} is given twice.", name));
    }
    if (variant["ModelName"].string_or().empty()) {
      return validation_error(
          fmt::format("The variant {} names no model; inference components are not supported.", name));
    }
    if (!variant.has("InitialVariantWeight")) variant.set("InitialVariantWeight", 1.0);
    const double weight = variant["InitialVariantWeight"].double_or(1.0);
    if (!(weight >= 0)) return validation_error("InitialVariantWeight must not be negative.");
    if (!variant.has("ServerlessConfig") && !variant.has("InitialInstanceCount")) {
      variant.set("InitialInstanceCount", 1);
    }
  }

  Resource config;
  config.kind = Kind::endpoint_config;
  config.name = request["EndpointConfigName"].string_or();
  config.arn = arn_of(account_region, config.kind, config.name);
  config.created = config.modified = now;
  config.body.set("EndpointConfigName", config.name).set("EndpointConfigArn", config.arn);
  config.body.set("ProductionVariants", std::move(variants));
  for (const std::string_view member :
       {"DataCaptureConfig", "AsyncInferenceConfig", "KmsKeyId", "ExecutionRoleArn", "VpcConfig", "MetricsConfig"}) {
    if (request.has(member) && !request[member].is_null()) config.body.set(member, request[member]);
  }
  config.body.set("EnableNetworkIsolation", request["EnableNetworkIsolation"].bool_or(false));
  config.body.set("CreationTime", seconds(now));
  return config;
}

}  // namespace millrace::sagemaker
