#include "sagemaker/ops/ops.h"

#include "sagemaker/errors.h"

namespace millrace::sagemaker {

aws::Operation create_endpoint(Ops& ops) {
  return {"CreateEndpoint",
          "sagemaker:CreateEndpoint",
          endpoint_and_config(ops),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(refuse_unsupported(input, {{"DeploymentConfig",
                                               "DeploymentConfig is not supported: a new deployment "
                                               "takes all traffic once it answers."}}));
            const Tags tags = MR_TRY(parse_tags(input["Tags"]));
            const auto endpoint =
                MR_TRY(ops.endpoints.create(input["EndpointName"].string_or(), input["EndpointConfigName"].string_or(),
                                            tags, call.origin, call.now));
            return aws::Output(Value::object({{"EndpointArn", endpoint.arn}}));
          },
          creation_checks(ops, Kind::endpoint, ""),
          creation_keys(ops, Kind::endpoint)};
}

}  // namespace millrace::sagemaker
