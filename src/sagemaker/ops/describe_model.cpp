#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation describe_model(Ops& ops) {
  return {"DescribeModel", "sagemaker:DescribeModel", resource_named(ops, Kind::model),
          describe_handle(ops, Kind::model)};
}

}  // namespace millrace::sagemaker
