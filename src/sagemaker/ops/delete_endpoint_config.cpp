#include "sagemaker/ops/ops.h"

#include "sagemaker/errors.h"

namespace millrace::sagemaker {

aws::Operation delete_endpoint_config(Ops& ops) {
  return {"DeleteEndpointConfig", "sagemaker:DeleteEndpointConfig", resource_named(ops, Kind::endpoint_config),
          [&ops](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string name = input["EndpointConfigName"].string_or();
            if (!MR_TRY(ops.world.store.erase(Kind::endpoint_config, name))) {
              return fail(no_such(Kind::endpoint_config, name, arn_of(ops.world.place, Kind::endpoint_config, name)));
            }
            ops.world.changed(Kind::endpoint_config, name);
            return aws::Output();
          }};
}

}  // namespace millrace::sagemaker
