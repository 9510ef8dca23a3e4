#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation describe_transform_job(Ops& ops) {
  return {"DescribeTransformJob", "sagemaker:DescribeTransformJob", resource_named(ops, Kind::transform_job),
          describe_handle(ops, Kind::transform_job)};
}

}  // namespace millrace::sagemaker
