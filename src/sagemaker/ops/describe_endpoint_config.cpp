#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation describe_endpoint_config(Ops& ops) {
  return {"DescribeEndpointConfig", "sagemaker:DescribeEndpointConfig", resource_named(ops, Kind::endpoint_config),
          describe_handle(ops, Kind::endpoint_config)};
}

}  // namespace millrace::sagemaker
