#include "sagemaker/ops/ops.h"

#include "base/ids.h"

namespace millrace::sagemaker {

aws::Operation create_hyper_parameter_tuning_job(Ops& ops) {
  return {"CreateHyperParameterTuningJob",
          "sagemaker:CreateHyperParameterTuningJob",
          resource_named(ops, Kind::tuning_job),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            auto job = MR_TRY(build_tuning_job(ops.dependencies.account_region, input, random_u64(), call.now));
            MR_TRY(ops.dependencies.metrics.get(
                input["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]));
            MR_TRY(check_role(ops, call, input["TrainingJobDefinition"]["RoleArn"]));
            return start_job(ops, call, std::move(job), input);
          },
          creation_checks(ops, Kind::tuning_job, "TrainingJobDefinition.RoleArn"),
          creation_keys(ops, Kind::tuning_job)};
}

}  // namespace millrace::sagemaker
