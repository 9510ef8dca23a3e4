#include "sagemaker/ops/ops.h"

#include "sagemaker/serving/rollout.h"

namespace millrace::sagemaker {

aws::Operation create_endpoint(Ops& ops) {
  return {"CreateEndpoint",
          "sagemaker:CreateEndpoint",
          endpoint_and_config(ops),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(check_deployment_config(input["DeploymentConfig"]));
            const Tags tags = MR_TRY(parse_tags(input["Tags"]));
            const auto endpoint =
                MR_TRY(ops.endpoints.create(input["EndpointName"].string_or(), input["EndpointConfigName"].string_or(),
                                            input["DeploymentConfig"], tags, call.origin, call.now));
            return aws::Output(Value::object({{"EndpointArn", endpoint.arn}}));
          },
          creation_checks(ops, Kind::endpoint, ""),
          creation_keys(ops, Kind::endpoint)};
}

}  // namespace millrace::sagemaker
