#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation list_processing_jobs(Ops& ops) {
  return {"ListProcessingJobs", "sagemaker:ListProcessingJobs", aws::any_resource(),
          list_handle(ops, Kind::processing_job)};
}

}  // namespace millrace::sagemaker
