#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation list_training_jobs(Ops& ops) {
  return {"ListTrainingJobs", "sagemaker:ListTrainingJobs", aws::any_resource(), list_handle(ops, Kind::training_job)};
}

}  // namespace millrace::sagemaker
