#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/jobs/monitor.h"
#include "sagemaker/jobs/monitoring_plan.h"
#include "sagemaker/ops/monitoring.h"

namespace millrace::sagemaker {
namespace {

constexpr Kind kKind = Kind::monitoring_schedule;
constexpr std::string_view kRole = "MonitoringScheduleConfig.MonitoringJobDefinition.RoleArn";

std::string name_in(const Value& input) { return input["MonitoringScheduleName"].string_or(); }

// The endpoint that the schedule looks at, once all that its configuration names has been found.
Result<std::string> endpoint_of(Ops& ops, const aws::Call& call, const Value& config) {
  MR_TRY(check_schedule_config(config));
  const std::string name = config["MonitoringJobDefinitionName"].string_or();
  if (name.empty()) {
    MR_TRY(check_role(ops, call, config["MonitoringJobDefinition"]["RoleArn"]));
    return inline_definition(config["MonitoringJobDefinition"])["Input"]["EndpointName"].string_or();
  }
  const Kind kind = *definition_kind(config["MonitoringType"].string_or());
  const auto row = MR_TRY(ops.dependencies.store.get(kind, name, ops.dependencies.account_region));
  return monitoring_definition(kind, row.body)["Input"]["EndpointName"].string_or();
}

void set_config(Resource& schedule, const Value& config, const std::string& endpoint) {
  schedule.body.set("MonitoringScheduleConfig", config);
  schedule.body.set("MonitoringType", config["MonitoringType"].string_or("DataQuality"));
  schedule.body.set("EndpointName", endpoint);
}

void set_status(Resource& schedule, const char* status, Time now) {
  schedule.status = status;
  schedule.modified = now;
  schedule.body.set("MonitoringScheduleStatus", status).set("LastModifiedTime", seconds(now));
}

Result<aws::Output> make(Ops& ops, const aws::Call& call, const Value& input) {
  const Value& config = input["MonitoringScheduleConfig"];
  const std::string endpoint = MR_TRY(endpoint_of(ops, call, config));
  Resource schedule;
  schedule.kind = kKind;
  schedule.name = name_in(input);
  schedule.arn = arn_of(ops.dependencies.account_region, kKind, schedule.name);
  schedule.created = call.now;
  schedule.body.set("MonitoringScheduleArn", schedule.arn).set("MonitoringScheduleName", schedule.name);
  schedule.body.set("CreationTime", seconds(call.now));
  set_status(schedule, "Scheduled", call.now);
  set_config(schedule, config, endpoint);
  MR_TRY(Monitor::set_next(schedule, call.now));
  if (!call.origin.empty()) schedule.state.set("origin", call.origin);
  const auto below_limit = [](db::Connection& connection) -> Status {
    if (MR_TRY(Store::count_in(connection, kKind)) < kMaxSchedules) return {};
    return limit_exceeded(fmt::format(
        "The account-level service limit 'Number of monitoring schedules' is {0}, with current utilization of {0} and "
        "a request delta of 1.",
        kMaxSchedules));
  };
  MR_TRY(ops.dependencies.store.insert(schedule, MR_TRY(parse_tags(input["Tags"])), below_limit));
  ops.dependencies.changed(kKind, schedule.name);
  ops.monitor.poke(schedule.name);
  return aws::Output(Value::object({{"MonitoringScheduleArn", schedule.arn}}));
}

Result<Resource> change(Ops& ops, const std::string& name, const Store::Change& change) {
  MR_TRY(ops.dependencies.store.get(kKind, name, ops.dependencies.account_region));
  auto changed = MR_TRY(ops.dependencies.store.change(kKind, name, change));
  ops.dependencies.changed(kKind, name);
  ops.monitor.poke(name);
  return changed;
}

Result<aws::Output> update(Ops& ops, const aws::Call& call, const Value& input) {
  const Value& config = input["MonitoringScheduleConfig"];
  MR_TRY(ops.dependencies.store.get(kKind, name_in(input), ops.dependencies.account_region));
  const std::string endpoint = MR_TRY(endpoint_of(ops, call, config));
  const auto changed = MR_TRY(change(ops, name_in(input), [&](Resource& row) -> Status {
    set_config(row, config, endpoint);
    set_status(row, row.status == "Stopped" ? "Stopped" : "Scheduled", call.now);
    return Monitor::set_next(row, call.now);
  }));
  return aws::Output(Value::object({{"MonitoringScheduleArn", changed.arn}}));
}

Result<aws::Output> start_or_stop(Ops& ops, const aws::Call& call, const Value& input, bool starts) {
  MR_TRY(change(ops, name_in(input), [&](Resource& row) -> Status {
    const char* status = starts ? "Scheduled" : "Stopped";
    if (row.status == status) return {};
    set_status(row, status, call.now);
    return Monitor::set_next(row, call.now);
  }));
  return aws::Output();
}

Result<aws::Output> describe(Ops& ops, const Value& input) {
  const auto row = MR_TRY(ops.dependencies.store.get(kKind, name_in(input), ops.dependencies.account_region));
  auto executions = MR_TRY(executions_of(ops.dependencies.store, row));
  Value body = row.body;
  if (!executions.empty()) body.set("LastMonitoringExecutionSummary", std::move(executions.front()));
  return aws::Output(std::move(body));
}

}  // namespace

Result<std::vector<Value>> executions_of(Store& store, const Resource& schedule) {
  const Value& config = schedule.body["MonitoringScheduleConfig"];
  std::vector<Value> out;
  const auto& kept = schedule.state["executions"].items();
  for (auto execution = kept.rbegin(); execution != kept.rend(); ++execution) {
    Value summary = Value::object({{"MonitoringScheduleName", schedule.name}});
    for (const auto& [name, value] : execution->members()) summary.set(name, value);
    if (const std::string job = summary["ProcessingJobName"].string_or(); !job.empty()) {
      summary.erase("ProcessingJobName");
      const auto row = MR_TRY(store.find(Kind::processing_job, job));
      const Value now = row ? execution_of_job(*row)
                            : Value::object({{"MonitoringExecutionStatus", "Failed"},
                                             {"FailureReason", "The processing job was deleted."}});
      for (const auto& [name, value] : now.members()) summary.set(name, value);
    }
    summary.set("EndpointName", schedule.body["EndpointName"]);
    if (config.has("MonitoringJobDefinitionName")) {
      summary.set("MonitoringJobDefinitionName", config["MonitoringJobDefinitionName"]);
    }
    out.push_back(std::move(summary.set("MonitoringType", schedule.body["MonitoringType"])));
  }
  return out;
}

std::vector<aws::Operation> monitoring_schedule_operations(Ops& ops) {
  const auto named = resource_named(ops, kKind);
  return {
      {"CreateMonitoringSchedule", "sagemaker:CreateMonitoringSchedule", named,
       [&ops](aws::Call& call, const Value& input) { return make(ops, call, input); },
       creation_checks(ops, kKind, kRole), creation_keys(ops, kKind)},
      {"UpdateMonitoringSchedule", "sagemaker:UpdateMonitoringSchedule", named,
       [&ops](aws::Call& call, const Value& input) { return update(ops, call, input); },
       creation_checks(ops, kKind, kRole), creation_keys(ops, kKind)},
      {"DescribeMonitoringSchedule", "sagemaker:DescribeMonitoringSchedule", named,
       [&ops](aws::Call&, const Value& input) { return describe(ops, input); }},
      {"StartMonitoringSchedule", "sagemaker:StartMonitoringSchedule", named,
       [&ops](aws::Call& call, const Value& input) { return start_or_stop(ops, call, input, true); }},
      {"StopMonitoringSchedule", "sagemaker:StopMonitoringSchedule", named,
       [&ops](aws::Call& call, const Value& input) { return start_or_stop(ops, call, input, false); }},
  };
}

}  // namespace millrace::sagemaker
