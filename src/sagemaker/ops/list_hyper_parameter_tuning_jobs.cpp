#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation list_hyper_parameter_tuning_jobs(Ops& ops) {
  return {"ListHyperParameterTuningJobs", "sagemaker:ListHyperParameterTuningJobs", aws::any_resource(),
          list_handle(ops, Kind::tuning_job)};
}

}  // namespace millrace::sagemaker
