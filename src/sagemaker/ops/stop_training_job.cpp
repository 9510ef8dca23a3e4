#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation stop_training_job(Ops& ops) {
  return {"StopTrainingJob", "sagemaker:StopTrainingJob", resource_named(ops, Kind::training_job),
          stop_handle(ops, Kind::training_job)};
}

}  // namespace millrace::sagemaker
