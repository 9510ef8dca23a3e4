#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation describe_training_job(Ops& ops) {
  return {"DescribeTrainingJob", "sagemaker:DescribeTrainingJob", resource_named(ops, Kind::training_job),
          describe_handle(ops, Kind::training_job)};
}

}  // namespace millrace::sagemaker
