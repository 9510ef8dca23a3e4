#include "sagemaker/jobs/monitor.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/log.h"
#include "s3/s3.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/monitoring_plan.h"
#include "sagemaker/ops/requests.h"
#include "sagemaker/serving/capture.h"

namespace millrace::sagemaker {
namespace {

constexpr Millis kLongest = std::chrono::hours(1);  // between looks: the clock may be set meanwhile
constexpr Millis kRetryDelay{5'000};
constexpr std::string_view kNext = "next", kExecutions = "executions";

Time next_of(const Resource& schedule) { return from_epoch_ms(schedule.state[kNext].int_or(0)); }

bool is_waiting(const Resource& schedule) {
  return schedule.status == "Scheduled" && schedule.state[kNext].int_or(0) > 0;
}

Value failed_execution(const Error& error, Time now) {
  return Value::object({{"MonitoringExecutionStatus", "Failed"},
                        {"LastModifiedTime", seconds(now)},
                        {"FailureReason", cut_reason(error.message)}});
}

// The prefixes that hold captured data.
Result<std::vector<std::string>> captured(s3::Access& access, const std::string& destination, const Resource& endpoint,
                                          const std::vector<Time>& hours) {
  std::vector<std::string> found;
  for (const Value& variant : endpoint.body["ProductionVariants"].items()) {
    for (const Time hour : hours) {
      std::string uri = captured_in(destination, endpoint.name, variant["VariantName"].string_or(), hour);
      const auto place = MR_TRY(s3::parse_uri(uri));
      if (MR_TRY(access.folder(place.bucket, place.key + "/", 1)).objects.empty()) continue;
      found.push_back(std::move(uri));
    }
  }
  return found;
}

}  // namespace

Monitor::Monitor(Dependencies& dependencies, Jobs& jobs, const Execution& execution)
    : dependencies_(dependencies),
      jobs_(jobs),
      execution_(execution),
      queue_(execution.queue(1, "sagemaker-watch", [this](const std::string& name) { look(name); })) {}

void Monitor::poke(const std::string& schedule) { sagemaker::poke(execution_, *queue_, schedule); }

Status Monitor::resume() {
  ListQuery all;
  all.limit = kMaxSchedules;
  for (const auto& row : MR_TRY(dependencies_.store.list(Kind::monitoring_schedule, all))) {
    if (is_waiting(row)) poke(row.name);
  }
  return {};
}

void Monitor::stop() {
  {
    const MutexLock lock(mutex_);
    timers_.clear();
  }
  queue_->stop();
}

Status Monitor::set_next(Resource& schedule, Time now) {
  const Value& config = schedule.body["MonitoringScheduleConfig"]["ScheduleConfig"];
  const auto times = MR_TRY(parse_schedule_expression(config["ScheduleExpression"].string_or()));
  schedule.state.set(kNext, to_epoch_ms(times.once ? now : next_execution(times, now)));
  return {};
}

void Monitor::look(const std::string& name) {
  const auto row = dependencies_.store.find(Kind::monitoring_schedule, name);
  Millis wait = kRetryDelay;
  if (row && (!*row || !is_waiting(**row))) {
    const MutexLock lock(mutex_);
    timers_.erase(name);
    return;
  }
  if (row) {
    const Time now = dependencies_.clock.now(), due = next_of(**row);
    if (due <= now) {
      const Status done = execute(**row, due);
      if (done) return poke(name);
      log::warn("monitoring schedule {}: {}", name, done.error().message);
    } else {
      wait = std::min(due - now, kLongest);
    }
  }
  const MutexLock lock(mutex_);
  timers_[name] = execution_.timers.timer_after(wait, [this, name] { poke(name); });
}

Result<Value> Monitor::definition_of(const Resource& schedule) {
  const Value& config = schedule.body["MonitoringScheduleConfig"];
  const std::string name = config["MonitoringJobDefinitionName"].string_or();
  if (name.empty()) return inline_definition(config["MonitoringJobDefinition"]);
  const Kind kind = *definition_kind(config["MonitoringType"].string_or());
  return monitoring_definition(kind, MR_TRY(dependencies_.store.get(kind, name, dependencies_.account_region)).body);
}

Result<Resource> Monitor::job_of(const Resource& schedule, Time due) {
  const Value definition = MR_TRY(definition_of(schedule));
  const std::string role = definition["RoleArn"].string_or();
  const auto endpoint = MR_TRY(dependencies_.store.get(Kind::endpoint, definition["Input"]["EndpointName"].string_or(),
                                                       dependencies_.account_region));
  const auto capture = capture_config(endpoint.body["DataCaptureConfig"]);
  if (!capture) {
    return fail(Code::failed_precondition,
                fmt::format("Data capture is not enabled for the endpoint {}.", endpoint.name));
  }
  MonitoringExecution execution{schedule.name, schedule.arn, due, {}, {}, capture->destination};
  execution.hours =
      MR_TRY(monitored_hours(schedule.body["MonitoringScheduleConfig"]["ScheduleConfig"], definition["Input"], due));
  const auto access = MR_TRY(dependencies_.access_as(role, schedule.origin()));
  execution.captured = MR_TRY(captured(*access, execution.destination, endpoint, execution.hours));
  if (execution.captured.empty()) return fail(Code::failed_precondition, "Job inputs had no data");
  Resource job = MR_TRY(build_processing_job(dependencies_.account_region, monitoring_job(execution, definition),
                                             dependencies_.clock.now()));
  job.body.set("MonitoringScheduleArn", schedule.arn);
  if (!schedule.origin().empty()) job.state.set("origin", schedule.origin());
  return job;
}

// The job and that it was started for this time are one write: a server that is killed starts it once.
Status Monitor::execute(const Resource& schedule, Time due) {
  const auto job = job_of(schedule, due);
  if (!job && is_ours(job.error())) return fail(job.error());
  const Time now = dependencies_.clock.now();
  Value execution = job ? execution_of_job(*job) : failed_execution(job.error(), now);
  execution.set("ScheduledTime", seconds(due)).set("CreationTime", seconds(now));
  if (job) execution.set("ProcessingJobName", job->name);
  MR_TRY(dependencies_.store.write([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(Store::find_in(connection, Kind::monitoring_schedule, schedule.name));
    if (!row || !is_waiting(*row) || next_of(*row) != due) return {};  // deleted or changed meanwhile
    if (job && !MR_TRY(Store::find_in(connection, Kind::processing_job, job->name))) {
      MR_TRY(Store::insert_in(connection, *job, {}));
    }
    Value& list = row->state.child(kExecutions);
    list.push(std::move(execution));
    if (list.size() > kMaxExecutions) list.as_array().erase(list.as_array().begin());
    const Value& config = row->body["MonitoringScheduleConfig"]["ScheduleConfig"];
    const bool once = MR_TRY(parse_schedule_expression(config["ScheduleExpression"].string_or())).once;
    if (once) {
      row->state.set(kNext, 0);
    } else {
      MR_TRY(set_next(*row, now));
    }
    return Store::update_in(connection, *row);
  }));
  dependencies_.changed(Kind::monitoring_schedule, schedule.name);
  if (!job) return {};
  dependencies_.changed(Kind::processing_job, job->name);
  jobs_.poke(Kind::processing_job, job->name);
  return {};
}

}  // namespace millrace::sagemaker
