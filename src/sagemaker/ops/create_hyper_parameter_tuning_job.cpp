#include "sagemaker/ops/ops.h"

#include "base/ids.h"
#include "sagemaker/jobs/warm_start.h"

namespace millrace::sagemaker {

namespace {

// What the parents found is kept with the job: they may be deleted meanwhile.
Status inherit(Ops& ops, Resource& job) {
  Store& store = ops.dependencies.store;
  std::vector<Parent> parents;
  for (const auto& named : job.body["WarmStartConfig"]["ParentHyperParameterTuningJobs"].items()) {
    const std::string name = named["HyperParameterTuningJobName"].string_or();
    Parent parent{MR_TRY(store.get(Kind::tuning_job, name, ops.dependencies.account_region)), {}};
    parent.trials = MR_TRY(store.children(parent.job.name));
    parents.push_back(std::move(parent));
  }
  MR_TRY(check_parents(job.body, parents));
  job.state.set("inherited", inherited_of(parents));
  return {};
}

}  // namespace

aws::Operation create_hyper_parameter_tuning_job(Ops& ops) {
  return {"CreateHyperParameterTuningJob",
          "sagemaker:CreateHyperParameterTuningJob",
          resource_named(ops, Kind::tuning_job),
          [&ops](aws::Call& call, const Value& input) -> Result<aws::Output> {
            auto job = MR_TRY(build_tuning_job(ops.dependencies.account_region, input, random_u64(), call.now));
            if (job.body.has("WarmStartConfig")) MR_TRY(inherit(ops, job));
            MR_TRY(ops.dependencies.metrics.get(
                input["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]));
            Value training = input["TrainingJobDefinition"];
            training.set("HyperParameters", training["StaticHyperParameters"]);
            MR_TRY(check_program(ops, training));
            MR_TRY(check_role(ops, call, training["RoleArn"]));
            return start_job(ops, call, std::move(job), input);
          },
          creation_checks(ops, Kind::tuning_job, "TrainingJobDefinition.RoleArn"),
          creation_keys(ops, Kind::tuning_job)};
}

}  // namespace millrace::sagemaker
