#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation stop_hyper_parameter_tuning_job(Ops& ops) {
  return {"StopHyperParameterTuningJob", "sagemaker:StopHyperParameterTuningJob", resource_named(ops, Kind::tuning_job),
          stop_handle(ops, Kind::tuning_job)};
}

}  // namespace millrace::sagemaker
