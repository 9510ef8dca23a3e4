#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation list_transform_jobs(Ops& ops) {
  return {"ListTransformJobs", "sagemaker:ListTransformJobs", aws::any_resource(),
          list_handle(ops, Kind::transform_job)};
}

}  // namespace millrace::sagemaker
