#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation describe_endpoint(Ops& ops) {
  return {"DescribeEndpoint", "sagemaker:DescribeEndpoint", resource_named(ops, Kind::endpoint),
          describe_handle(ops, Kind::endpoint)};
}

}  // namespace millrace::sagemaker
