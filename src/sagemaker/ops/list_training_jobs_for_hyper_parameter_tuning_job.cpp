#include "sagemaker/ops/ops.h"

#include <algorithm>

#include "base/strings.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/tuning_plan.h"
#include "sagemaker/listing.h"

namespace millrace::sagemaker {

namespace {

// FinalObjectiveMetricValue is no column: the trials that have a value are sorted here. At most 1,000 (the limit of a
// tuning job).
void sort_by_objective(std::vector<Resource>& trials, const Objective& objective, bool descending) {
  std::erase_if(trials, [&](const Resource& t) { return !objective_value(t.body, objective.metric); });
  std::sort(trials.begin(), trials.end(), [&](const Resource& a, const Resource& b) {
    const double x = *objective_value(a.body, objective.metric), y = *objective_value(b.body, objective.metric);
    if (x == y) return a.name < b.name;
    return descending ? x > y : x < y;
  });
}

Result<aws::Output> list_by_objective(Ops& ops, const Resource& job, const Value& input) {
  auto trials = MR_TRY(ops.dependencies.store.children(job.name));
  const Objective objective = objective_of(job.body);
  sort_by_objective(trials, objective, input["SortOrder"].string_or() == "Descending");
  const std::string status = input["StatusEquals"].string_or();
  if (!status.empty()) std::erase_if(trials, [&](const Resource& t) { return t.status != status; });
  const auto offset = parse_int(input["NextToken"].string_or("0"));
  if (!offset || *offset < 0) return validation_error("The NextToken is not valid for this request.");
  const auto page = static_cast<std::size_t>(input["MaxResults"].int_or(10));
  Value list = Value::array();
  std::size_t at = static_cast<std::size_t>(*offset);
  for (; at < trials.size() && list.size() < page; ++at) list.push(trial_summary(trials[at], objective));
  aws::Output output;
  output.members.set("TrainingJobSummaries", std::move(list));
  if (at < trials.size()) output.members.set("NextToken", std::to_string(at));
  return output;
}

}  // namespace

aws::Operation list_training_jobs_for_hyper_parameter_tuning_job(Ops& ops) {
  return {"ListTrainingJobsForHyperParameterTuningJob", "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
          resource_named(ops, Kind::tuning_job), [&ops](aws::Call&, const Value& input) -> Result<aws::Output> {
            const auto job = MR_TRY(ops.dependencies.store.get(
                Kind::tuning_job, input["HyperParameterTuningJobName"].string_or(), ops.dependencies.account_region));
            if (input["SortBy"].string_or() == "FinalObjectiveMetricValue") return list_by_objective(ops, job, input);
            ListQuery query = MR_TRY(parse_list_query(input, {ListQuery::Sort::name, false}));
            query.parent = job.name;
            const std::size_t page = query.limit;
            query.limit = page + 1;
            const auto summary = [objective = objective_of(job.body)](const Resource& trial) {
              return trial_summary(trial, objective);
            };
            return list_answer("TrainingJobSummaries", input, query,
                               MR_TRY(ops.dependencies.store.list(Kind::training_job, query)), page, summary);
          }};
}

}  // namespace millrace::sagemaker
