#include "sagemaker/jobs/tuner.h"

#include "sagemaker/jobs/machine.h"
#include "sagemaker/jobs/tuning_plan.h"
#include "sagemaker/ops/requests.h"

namespace millrace::sagemaker {

Status Tuner::drive(const std::string& name) {
  const auto job = MR_TRY(dependencies_.store.find(Kind::tuning_job, name));
  if (!job || !job->active) return {};
  const auto trials = MR_TRY(dependencies_.store.children(job->name));
  TuningPlan plan = plan_tuning(*job, trials);
  if (plan.stop_trials) {
    MR_TRY(stop_trials(trials));
  } else if (is_judged(job->body["HyperParameterTuningJobConfig"])) {
    MR_TRY(judge(*job, trials));
  }
  if (plan.launch > 0) {
    bool exhausted = false;
    MR_TRY(launch(*job, trials, plan.launch, exhausted));
    if (!exhausted) return {};  // the counters were written with the trials
    if (plan.members["TrainingJobStatusCounters"]["InProgress"].int_or(0) > 0) return {};
    plan.final_status = "Completed";  // every combination has been tried
  }
  MR_TRY(dependencies_.store.change(Kind::tuning_job, name, [&](Resource& row) -> Status {
    const Time now = dependencies_.clock.now();
    row.modified = now;
    row.body.set("LastModifiedTime", seconds(now));
    for (const auto& [member, value] : plan.members.members()) row.body.set(member, value);
    if (plan.final_status.empty()) return {};
    row.active = false;
    row.status = plan.final_status;
    row.body.set("HyperParameterTuningJobStatus", row.status).set("HyperParameterTuningEndTime", seconds(now));
    if (!plan.failure_reason.empty()) row.body.set("FailureReason", plan.failure_reason);
    return {};
  }));
  dependencies_.changed(Kind::tuning_job, job->name);
  return {};
}

Status Tuner::give_up(const std::string& name, const std::string& reason) {
  const auto changed = dependencies_.store.change(Kind::tuning_job, name, [&](Resource& row) -> Status {
    if (row.active) row.state.set("fault", cut_reason(reason));
    return {};
  });
  return changed ? Status() : fail(changed.error());
}

Status Tuner::launch(const Resource& job, std::vector<Resource> trials, std::size_t count, bool& exhausted) {
  const Time now = dependencies_.clock.now();
  const Tags tags = MR_TRY(dependencies_.store.tags(job.arn));
  std::vector<Resource> made;
  for (std::size_t i = 0; i < count; ++i) {
    const auto suggested = algorithms::suggest(MR_TRY(tuning_request(job, trials)));
    if (!suggested) {
      if (suggested.error().code != Code::resource_exhausted) return fail(suggested.error());
      exhausted = made.empty();
      break;
    }
    Value tuned = Value::object();
    for (const auto& [parameter, value] : *suggested) tuned.set(parameter, value);
    made.push_back(MR_TRY(build_trial(dependencies_.account_region, job, trials.size() + 1, tuned, now)));
    trials.push_back(made.back());
  }
  if (made.empty()) return {};
  const Value members = plan_tuning(job, trials).members;
  bool stopped = false;
  // Trials and counters in one transaction: a trial is either known with its index taken, or not there at all.
  MR_TRY(dependencies_.store.write([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(Store::find_in(connection, Kind::tuning_job, job.name));
    stopped = !row || !row->active || row->state["stop"].bool_or(false);
    if (stopped) return {};
    for (const auto& trial : made) MR_TRY(Store::insert_in(connection, trial, tags));
    row->modified = now;
    row->body.set("LastModifiedTime", seconds(now));
    for (const auto& [member, value] : members.members()) row->body.set(member, value);
    return Store::update_in(connection, *row);
  }));
  if (stopped) {
    poke_(Kind::tuning_job, job.name);
    return {};
  }
  for (const auto& trial : made) {
    dependencies_.changed(Kind::training_job, trial.name);
    poke_(Kind::training_job, trial.name);
  }
  dependencies_.changed(Kind::tuning_job, job.name);
  return {};
}

Status Tuner::stop_trials(const std::vector<Resource>& trials) {
  for (const auto& trial : trials) {
    if (trial.status == "InProgress") MR_TRY(stop_trial(trial));
  }
  return {};
}

Status Tuner::stop_trial(const Resource& trial) {
  const auto stopped = dependencies_.store.change(Kind::training_job, trial.name, [&](Resource& row) -> Status {
    return row.status == "InProgress" ? request_stop(row, dependencies_.clock.now()) : Status{};
  });
  if (!stopped) return fail(stopped.error());
  dependencies_.changed(Kind::training_job, trial.name);
  poke_(Kind::training_job, trial.name);
  return {};
}

Status Tuner::judge(const Resource& job, const std::vector<Resource>& trials) {
  const Value& config = job.body["HyperParameterTuningJobConfig"];
  const bool halves = is_hyperband(config), minimise = objective_of(job.body).minimise;
  std::vector<History> histories;
  for (const auto& trial : trials) histories.push_back(history_(trial));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].status != "InProgress") continue;
    std::vector<History> others;
    for (std::size_t j = 0; j < trials.size(); ++j) {
      if (j != i && (halves || is_final(trials[j].status))) others.push_back(histories[j]);
    }
    const bool stops = halves ? is_halved(minimise, rungs_of(config), histories[i], others)
                              : falls_behind(minimise, histories[i], others);
    if (stops) MR_TRY(stop_trial(trials[i]));
  }
  return {};
}

}  // namespace millrace::sagemaker
