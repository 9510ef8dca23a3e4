#pragma once
// Monitoring of endpoints: when a schedule's executions are due, and the processing job that one is. Pure. Source:
// developer guide, "Cron expressions for monitoring schedule" and "Container contract inputs".

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "sagemaker/resource.h"

namespace millrace::sagemaker {

inline constexpr std::size_t kMaxMonitoredHours = 168;  // that one execution looks at
inline constexpr std::size_t kMaxExecutions = 100;      // that a schedule remembers, the newest

// "cron(0 * ? * * *)", "cron(0 17 ? * * *)", "cron(0 17/6 ? * * *)" or "NOW". Hours are UTC.
struct MonitoringTimes {
  bool once = false;  // now
  int first = 0, step = 1;
};
Result<MonitoringTimes> parse_schedule_expression(std::string_view expression);
Time next_execution(const MonitoringTimes& times, Time after);  // the first full hour behind `after`; not of NOW

// "-PT1H", "-P1DT2H", "PT0H", "P1D". Error: ValidationException.
Result<Millis> parse_offset(std::string_view text);

// The hours (their beginnings) that an execution looks at: those since the execution before, or as the offsets of the
// schedule or of the endpoint's input say. Error: an offset that is none, or more than kMaxMonitoredHours.
Result<std::vector<Time>> monitored_hours(const Value& schedule_config, const Value& input, Time scheduled);

// What the four kinds of definition and the one inside a schedule have in common, by the same names: Type, App, Input,
// Outputs, Baseline, Cluster, Stopping, Environment, Network, RoleArn.
Value monitoring_definition(Kind kind, const Value& definition);
Value inline_definition(const Value& definition);  // MonitoringScheduleConfig.MonitoringJobDefinition
std::optional<Kind> definition_kind(std::string_view monitoring_type);  // "DataQuality"

// Where data capture keeps an hour: "<destination>/<endpoint>/<variant>/2026/01/02/03".
std::string captured_in(const std::string& destination, std::string_view endpoint, std::string_view variant, Time hour);

struct MonitoringExecution {
  std::string schedule, schedule_arn;
  Time scheduled;
  std::vector<Time> hours;
  std::vector<std::string> captured;  // S3 prefixes that hold data; below `destination`
  std::string destination;
};
// CreateProcessingJob's request. The name follows from schedule and time, so that an execution is made once.
Value monitoring_job(const MonitoringExecution& execution, const Value& definition);

// Status and reason of an execution whose processing job is this one.
Value execution_of_job(const Resource& job);

}  // namespace millrace::sagemaker
