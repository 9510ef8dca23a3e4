#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation create_training_job(Ops& ops) {
  return {"CreateTrainingJob",
          "sagemaker:CreateTrainingJob",
          resource_named(ops, Kind::training_job),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            auto job = MR_TRY(build_training_job(ops.dependencies.account_region, input, call.now));
            MR_TRY(ops.dependencies.metrics.get(job.body["AlgorithmSpecification"]["MetricDefinitions"]));
            MR_TRY(check_program(ops, input));
            MR_TRY(check_role(ops, call, input["RoleArn"]));
            for (const auto& channel : input["InputDataConfig"].items()) {
              MR_TRY(check_data(ops, call, input["RoleArn"].string_or(), channel["DataSource"]["S3DataSource"]));
            }
            return start_job(ops, call, std::move(job), input);
          },
          creation_checks(ops, Kind::training_job, "RoleArn"),
          creation_keys(ops, Kind::training_job)};
}

}  // namespace millrace::sagemaker
