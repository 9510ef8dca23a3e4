#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation describe_hyper_parameter_tuning_job(Ops& ops) {
  return {"DescribeHyperParameterTuningJob", "sagemaker:DescribeHyperParameterTuningJob",
          resource_named(ops, Kind::tuning_job), describe_handle(ops, Kind::tuning_job)};
}

}  // namespace millrace::sagemaker
