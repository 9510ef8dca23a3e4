#include <set>

#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/ops/requests.h"

namespace millrace::sagemaker {

Result<Resource> build_endpoint_config(const AccountRegion& account_region, const Value& request, Time now) {
  MR_TRY(refuse_unsupported(request, {{"AsyncInferenceConfig", "Asynchronous inference is not supported."},
                                      {"ExplainerConfig", "ExplainerConfig is not supported."},
                                      {"ShadowProductionVariants", "Shadow variants are not supported."},
                                      {"CrossRegionTrafficConfig", "CrossRegionTrafficConfig is not supported."},
                                      {"ProductionVariants[].InstancePools", "Instance pools are not supported."}}));
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
       {"DataCaptureConfig", "KmsKeyId", "ExecutionRoleArn", "VpcConfig", "MetricsConfig"}) {
    if (request.has(member) && !request[member].is_null()) config.body.set(member, request[member]);
  }
  config.body.set("EnableNetworkIsolation", request["EnableNetworkIsolation"].bool_or(false));
  config.body.set("CreationTime", seconds(now));
  return config;
}

}  // namespace millrace::sagemaker
