#include "sagemaker/ops/ops.h"

#include "sagemaker/errors.h"

namespace millrace::sagemaker {

aws::Operation update_endpoint(Ops& ops) {
  return {"UpdateEndpoint", "sagemaker:UpdateEndpoint", endpoint_and_config(ops),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(refuse_unsupported(input,
                                      {{"DeploymentConfig",
                                        "DeploymentConfig is not supported: a new deployment takes all traffic once "
                                        "it answers."},
                                       {"RetainAllVariantProperties", "RetainAllVariantProperties is not supported."},
                                       {"RetainDeploymentConfig", "RetainDeploymentConfig is not supported."}}));
            const auto endpoint = MR_TRY(ops.endpoints.update(input["EndpointName"].string_or(),
                                                              input["EndpointConfigName"].string_or(), call.now));
            return aws::Output(Value::object({{"EndpointArn", endpoint.arn}}));
          }};
}

}  // namespace millrace::sagemaker
