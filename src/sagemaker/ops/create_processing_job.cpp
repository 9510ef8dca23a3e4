#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation create_processing_job(Ops& ops) {
  return {"CreateProcessingJob",
          "sagemaker:CreateProcessingJob",
          resource_named(ops, Kind::processing_job),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            auto job = MR_TRY(build_processing_job(ops.dependencies.account_region, input, call.now));
            MR_TRY(check_role(ops, call, input["RoleArn"]));
            return start_job(ops, call, std::move(job), input);
          },
          creation_checks(ops, Kind::processing_job, "RoleArn"),
          creation_keys(ops, Kind::processing_job)};
}

}  // namespace millrace::sagemaker
