#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/recurring_message.h"
#include "pipelines/schedule/recurring_rows.h"
#include "pipelines/schedule/scheduler.h"

namespace millrace::pipelines::api {
namespace {

// One column: no commas.
constexpr std::string_view kSpec =
    "(SELECT spec FROM kfp_recurring_run_specs WHERE recurring_run_id = kfp_recurring_runs.id)";
constexpr std::string_view kStatus = "CASE enabled WHEN 1 THEN 'ENABLED' ELSE 'DISABLED' END";
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"updated_at", "updated", FieldType::time},
                                Field{"recurring_run_id", "id"},
                                Field{"id", "id"},
                                Field{"display_name", kNameColumn},
                                Field{"name", kNameColumn},
                                Field{"description", "description"},
                                Field{"status", kStatus, FieldType::word},
                                Field{"namespace", "''"},  // one user, as upstream's single-user mode
                                Field{"experiment_id", "experiment_id"},
                                Field{"pipeline_id", "pipeline_id"},
                                Field{"pipeline_version_id", "version_id"},
                                Field{"pipeline_name", "pipeline_name"},
                                Field{"service_account", "service_account"},
                                Field{"max_concurrency", "max_concurrency", FieldType::number}};

Result<schedule::RecurringRun> find(db::Connection& connection, const std::string& id) {
  auto recurring = MR_TRY(schedule::find_recurring(connection, id));
  if (!recurring) return fail(not_found("RecurringRun", id));
  return std::move(*recurring);
}

// Runs outlive their recurring run: that is what can be asked for.
Status check_propagation(const std::string& policy) {
  // The enumeration's names, with its prefix or without; 0 is the one that says nothing.
  if (policy.empty() || policy == "0" || policy.ends_with("UNSPECIFIED") || policy.ends_with("ORPHAN")) return {};
  if (policy.ends_with("FOREGROUND") || policy.ends_with("BACKGROUND"))
    return fail(Code::unimplemented,
                "the runs of a recurring run outlive it here; terminate or delete them by themselves");
  return fail(Code::invalid_argument,
              fmt::format("propagation_policy must be ORPHAN, FOREGROUND or BACKGROUND, not \"{}\"", policy));
}

Result<Value> set_enabled(Context& context, const Call& call, bool enabled) {
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(find(connection, call.id()));
    return schedule::set_enabled(connection, call.id(), enabled, context.clock.now());
  }));
  context.scheduler.wake();
  return Value::object();
}

}  // namespace

Result<Value> list_recurring_runs(Context& context, const Call& call) {
  const std::string columns = fmt::format("{}, {}", schedule::kRecurringColumns, kSpec);
  Listing listing{"RecurringRun", "kfp_recurring_runs", columns, kFields, "recurringRuns", {}};
  const std::string experiment = call.parameter("experiment_id");
  if (!experiment.empty()) listing.where.emplace_back("experiment_id", experiment);
  Value answer = MR_TRY(list(context.database, call, listing, [](const db::Statement& row) {
    const int last =
        static_cast<int>(std::count(schedule::kRecurringColumns.begin(), schedule::kRecurringColumns.end(), ',')) + 1;
    auto spec = parse_json(row.text(last));
    return to_message(schedule::recurring_from_row(row), spec ? std::move(*spec) : Value());
  }));
  MR_TRY(check_listed(context, answer, experiment));
  return answer;
}

Result<Value> get_recurring_run(Context& context, const Call& call) {
  Value message;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    const auto recurring = MR_TRY(find(connection, call.id()));
    message = to_message(recurring, MR_TRY(schedule::read_recurring_spec(connection, recurring.id)));
    return {};
  }));
  return message;
}

Result<Value> enable_recurring_run(Context& context, const Call& call) { return set_enabled(context, call, true); }

Result<Value> disable_recurring_run(Context& context, const Call& call) { return set_enabled(context, call, false); }

Result<Value> delete_recurring_run(Context& context, const Call& call) {
  MR_TRY(check_propagation(call.parameter("propagation_policy")));
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(find(connection, call.id()));
    return schedule::delete_recurring(connection, call.id());
  }));
  return Value::object();
}

}  // namespace millrace::pipelines::api
