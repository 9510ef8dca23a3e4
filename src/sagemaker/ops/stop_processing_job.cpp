#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation stop_processing_job(Ops& ops) {
  return {"StopProcessingJob", "sagemaker:StopProcessingJob", resource_named(ops, Kind::processing_job),
          stop_handle(ops, Kind::processing_job)};
}

}  // namespace millrace::sagemaker
