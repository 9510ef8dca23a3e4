#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation create_endpoint_config(Ops& ops) {
  return {"CreateEndpointConfig",
          "sagemaker:CreateEndpointConfig",
          resource_named(ops, Kind::endpoint_config),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const auto config = MR_TRY(build_endpoint_config(ops.dependencies.account_region, input, call.now));
            const Tags tags = MR_TRY(parse_tags(input["Tags"]));
            for (const auto& variant : config.body["ProductionVariants"].items()) {
              MR_TRY(ops.dependencies.store.get(Kind::model, variant["ModelName"].string_or(),
                                                ops.dependencies.account_region));
            }
            MR_TRY(ops.dependencies.store.insert(config, tags));
            ops.dependencies.changed(Kind::endpoint_config, config.name);
            return aws::Output(Value::object({{"EndpointConfigArn", config.arn}}));
          },
          creation_checks(ops, Kind::endpoint_config, "ExecutionRoleArn"),
          creation_keys(ops, Kind::endpoint_config)};
}

}  // namespace millrace::sagemaker
