#include "sagemaker/errors.h"
#include "sagemaker/ops/ops.h"
#include "sagemaker/serving/rollout.h"

namespace millrace::sagemaker {

aws::Operation update_endpoint(Ops& ops) {
  return {"UpdateEndpoint", "sagemaker:UpdateEndpoint", endpoint_and_config(ops),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            Endpoints::Update update{input["EndpointConfigName"].string_or(), input["DeploymentConfig"],
                                     input["RetainDeploymentConfig"].bool_or(false),
                                     input["RetainAllVariantProperties"].bool_or(false),
                                     input["ExcludeRetainedVariantProperties"]};
            MR_TRY(check_deployment_config(update.deployment_config));
            if (update.retain_deployment_config && !update.deployment_config.is_null())
              return validation_error("DeploymentConfig and RetainDeploymentConfig cannot both be given.");
            const auto endpoint = MR_TRY(ops.endpoints.update(input["EndpointName"].string_or(), update, call.now));
            return aws::Output(Value::object({{"EndpointArn", endpoint.arn}}));
          }};
}

}  // namespace millrace::sagemaker
