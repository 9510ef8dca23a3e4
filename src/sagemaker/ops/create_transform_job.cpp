#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

aws::Operation create_transform_job(Ops& ops) {
  return {"CreateTransformJob",
          "sagemaker:CreateTransformJob",
          resource_named(ops, Kind::transform_job),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const auto model = MR_TRY(ops.dependencies.store.get(Kind::model, input["ModelName"].string_or(),
                                                                 ops.dependencies.account_region));
            auto job = MR_TRY(build_transform_job(ops.dependencies.account_region, input, model.body, call.now));
            MR_TRY(check_data(ops, call, model.body["ExecutionRoleArn"].string_or(),
                              input["TransformInput"]["DataSource"]["S3DataSource"]));
            return start_job(ops, call, std::move(job), input);
          },
          creation_checks(ops, Kind::transform_job, ""),
          creation_keys(ops, Kind::transform_job)};
}

}  // namespace millrace::sagemaker
