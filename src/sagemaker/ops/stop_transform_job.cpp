#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation stop_transform_job(Ops& ops) {
  return {"StopTransformJob", "sagemaker:StopTransformJob", resource_named(ops, Kind::transform_job),
          stop_handle(ops, Kind::transform_job)};
}

}  // namespace millrace::sagemaker
