#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/ops/requests.h"
#include "sagemaker/serving/deployment.h"

namespace millrace::sagemaker {

namespace {

Status check_multi_model(const Value& container, bool is_pipeline) {
  if (is_pipeline) {
    return validation_error(
        "A multi-model container in Containers is not supported: give it as the PrimaryContainer of a model of its "
        "own.");
  }
  if (container["ModelDataUrl"].string_or().empty())
    return validation_error("A multi-model container needs a ModelDataUrl, the S3 prefix below which its models are.");
  return {};
}

}  // namespace

Result<Resource> build_model(const AccountRegion& account_region, const Value& request, Time now) {
  const bool one = request["PrimaryContainer"].is_object() && !request["PrimaryContainer"].empty();
  const bool several = !request["Containers"].empty();
  if (one == several) {
    return validation_error(one ? "PrimaryContainer and Containers cannot both be given."
                                : "Either PrimaryContainer or Containers must be given.");
  }
  Value containers = one ? Value::array({request["PrimaryContainer"]}) : request["Containers"];
  for (auto& container : containers.as_array()) {
    MR_TRY(refuse_unsupported(container,
                              {{"ModelDataSource", "ModelDataSource is not supported; give ModelDataUrl."},
                               {"AdditionalModelDataSources", "AdditionalModelDataSources are not supported."}}));
    if (container["Image"].string_or().empty()) return validation_error("A container must have an Image.");
    if (const std::string url = container["ModelDataUrl"].string_or(); !url.empty()) {
      MR_TRY(check_s3_uri("ModelDataUrl", container["ModelDataUrl"]));
    }
    if (!container.has("Mode")) container.set("Mode", "SingleModel");
    if (is_multi_model(container)) MR_TRY(check_multi_model(container, several));
    if (!container.has("Environment")) container.set("Environment", Value::object());
  }

  Resource model;
  model.kind = Kind::model;
  model.name = request["ModelName"].string_or();
  model.arn = arn_of(account_region, model.kind, model.name);
  model.created = model.modified = now;
  model.body.set("ModelName", model.name);
  if (one) {
    model.body.set("PrimaryContainer", containers.as_array().front());
  } else {
    model.body.set("Containers", containers);
  }
  for (const std::string_view member : {"InferenceExecutionConfig", "ExecutionRoleArn", "VpcConfig"}) {
    if (request.has(member) && !request[member].is_null()) model.body.set(member, request[member]);
  }
  model.body.set("CreationTime", seconds(now)).set("ModelArn", model.arn);
  model.body.set("EnableNetworkIsolation", request["EnableNetworkIsolation"].bool_or(false));
  return model;
}

}  // namespace millrace::sagemaker
