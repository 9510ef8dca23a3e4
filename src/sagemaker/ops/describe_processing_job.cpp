#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation describe_processing_job(Ops& ops) {
  return {"DescribeProcessingJob", "sagemaker:DescribeProcessingJob", resource_named(ops, Kind::processing_job),
          describe_handle(ops, Kind::processing_job)};
}

}  // namespace millrace::sagemaker
