#pragma once
// Monitoring's operations that are not those of every kind.

#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {

// CreateDataQualityJobDefinition and its three like.
std::vector<aws::Operation> create_job_definitions(Ops& ops);
// Create, Describe, Update, Start and Stop of MonitoringSchedule.
std::vector<aws::Operation> monitoring_schedule_operations(Ops& ops);
aws::Operation list_monitoring_executions(Ops& ops);

// Newest first, as ListMonitoringExecutions shows them.
Result<std::vector<Value>> executions_of(Store& store, const Resource& schedule);

// Pure.
Result<Resource> build_job_definition(const AccountRegion& account_region, Kind kind, const Value& request, Time now);
// What is wrong with a MonitoringScheduleConfig, but for what it names.
Status check_schedule_config(const Value& config);

}  // namespace millrace::sagemaker
