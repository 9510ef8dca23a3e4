#include <algorithm>

#include <fmt/core.h>

#include "sagemaker/errors.h"
#include "sagemaker/jobs/monitor.h"
#include "sagemaker/listing.h"
#include "sagemaker/ops/monitoring.h"

namespace millrace::sagemaker {
namespace {

std::optional<Time> time_of(const Value& execution, std::string_view member) {
  const auto time = parse_timestamp(execution[member]);
  return time ? std::optional(*time) : std::nullopt;
}

Result<bool> lies_between(const Value& input, const Value& execution, const std::string& member) {
  const auto time = time_of(execution, member);
  if (const Value& after = input[member + "After"]; !after.is_null() && time && *time < MR_TRY(parse_timestamp(after)))
    return false;
  const Value& before = input[member + "Before"];
  return before.is_null() || !time || *time <= MR_TRY(parse_timestamp(before));
}

Result<bool> is_asked_for(const Value& input, const Value& execution) {
  for (const auto& [asked, member] :
       {std::pair{"StatusEquals", "MonitoringExecutionStatus"}, std::pair{"EndpointName", "EndpointName"},
        std::pair{"MonitoringJobDefinitionName", "MonitoringJobDefinitionName"},
        std::pair{"MonitoringTypeEquals", "MonitoringType"}}) {
    const std::string text = input[asked].string_or();
    if (!text.empty() && text != execution[member].string_or()) return false;
  }
  for (const auto* member : {"ScheduledTime", "CreationTime", "LastModifiedTime"}) {
    if (!MR_TRY(lies_between(input, execution, member))) return false;
  }
  return true;
}

// As a row, so that pages and their tokens are those of other lists. By the time it was scheduled for.
Resource row_of(Value execution) {
  Resource row;
  row.created = time_of(execution, "ScheduledTime").value_or(Time());
  row.name = fmt::format("{}/{}", execution["MonitoringScheduleName"].string_or(), to_epoch_ms(row.created));
  row.status = execution["MonitoringExecutionStatus"].string_or();
  row.body = std::move(execution);
  return row;
}

Result<std::vector<Resource>> schedules(Ops& ops, const Value& input) {
  if (const std::string name = input["MonitoringScheduleName"].string_or(); !name.empty()) {
    return std::vector{
        MR_TRY(ops.dependencies.store.get(Kind::monitoring_schedule, name, ops.dependencies.account_region))};
  }
  ListQuery all;
  all.descending = true;
  all.limit = kMaxSchedules;
  return ops.dependencies.store.list(Kind::monitoring_schedule, all);
}

Result<aws::Output> list(Ops& ops, const Value& input) {
  ListQuery query = MR_TRY(parse_list_query(input, {SortField::created, true}));
  std::vector<Resource> rows;
  for (const auto& schedule : MR_TRY(schedules(ops, input))) {
    for (Value& execution : MR_TRY(executions_of(ops.dependencies.store, schedule))) {
      if (MR_TRY(is_asked_for(input, execution))) rows.push_back(row_of(std::move(execution)));
    }
  }
  const auto is_before = [&](const auto& a, const auto& b) { return query.descending ? b < a : a < b; };
  std::ranges::sort(
      rows, [&](const Resource& a, const Resource& b) { return is_before(place_of(query, a), place_of(query, b)); });
  if (query.after) {
    std::erase_if(rows, [&](const Resource& row) { return !is_before(*query.after, place_of(query, row)); });
  }
  const std::size_t page = query.limit;
  if (rows.size() > page + 1) rows.resize(page + 1);
  return list_answer("MonitoringExecutionSummaries", input, query, std::move(rows), page,
                     [](const Resource& row) { return row.body; });
}

}  // namespace

aws::Operation list_monitoring_executions(Ops& ops) {
  return {"ListMonitoringExecutions", "sagemaker:ListMonitoringExecutions", aws::any_resource(),
          [&ops](aws::Call&, const Value& input) { return list(ops, input); }};
}

}  // namespace millrace::sagemaker
