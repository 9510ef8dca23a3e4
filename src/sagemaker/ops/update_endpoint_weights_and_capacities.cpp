#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation update_endpoint_weights_and_capacities(Ops& ops) {
  return {"UpdateEndpointWeightsAndCapacities", "sagemaker:UpdateEndpointWeightsAndCapacities",
          resource_named(ops, Kind::endpoint), [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const auto endpoint = MR_TRY(ops.endpoints.update_weights(input["EndpointName"].string_or(),
                                                                      input["DesiredWeightsAndCapacities"], call.now));
            return aws::Output(Value::object({{"EndpointArn", endpoint.arn}}));
          }};
}

}  // namespace millrace::sagemaker
