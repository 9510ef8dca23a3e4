#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation delete_endpoint(Ops& ops) {
  return {"DeleteEndpoint", "sagemaker:DeleteEndpoint", resource_named(ops, Kind::endpoint),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(ops.endpoints.remove(input["EndpointName"].string_or(), call.now));
            return aws::Output();
          }};
}

}  // namespace millrace::sagemaker
