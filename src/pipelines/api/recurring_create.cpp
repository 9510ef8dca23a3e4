// POST /recurringruns: what its runs would be refused for is said here, before anything is stored.

#include <fmt/core.h>

#include "base/ids.h"
#include "base/strings.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/recurring_message.h"
#include "pipelines/api/run_draft.h"
#include "pipelines/schedule/names.h"
#include "pipelines/schedule/recurring_rows.h"
#include "pipelines/schedule/scheduler.h"
#include "pipelines/schedule/trigger.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::int64_t kMaxConcurrency = 10;

Result<std::int64_t> read_concurrency(const Value& body) {
  const Value& value = body["max_concurrency"];
  const auto number = value.is_null() ? std::optional<std::int64_t>(0) : whole_number(value);
  if (!number) return fail(Code::invalid_argument, "max_concurrency must be a whole number");
  if (*number < 1 || *number > kMaxConcurrency) {
    return fail(Code::invalid_argument,
                fmt::format("Max concurrency of a recurring run must be at least 1 and at most {}. Received {}",
                            kMaxConcurrency, *number));
  }
  return *number;
}

Result<bool> read_mode(const Value& mode) {
  constexpr std::pair<std::string_view, bool> kModes[] = {
      {"MODE_UNSPECIFIED", false}, {"ENABLE", true}, {"DISABLE", false}};
  if (mode.is_null()) return false;
  for (int i = 0; i < 3; ++i) {
    if (mode == Value(kModes[i].first) || mode == Value(i)) return kModes[i].second;
  }
  return fail(Code::invalid_argument, "Recurring run's mode is invalid: it is ENABLE or DISABLE");
}

// Members in snake_case, times and numbers as the API writes them.
Result<Value> trigger_message(const Value& given, const std::shared_ptr<const schedule::TimeZone>& zone) {
  Value message = MR_TRY(read_message(given, "trigger", {"cron_schedule", "periodic_schedule"}));
  for (const std::string_view name : {"cron_schedule", "periodic_schedule"}) {
    if (!message.has(name)) continue;
    const bool cron = name == "cron_schedule";
    message.set(
        name, MR_TRY(read_message(message[name], name, {"start_time", "end_time", cron ? "cron" : "interval_second"})));
    if (const auto seconds = whole_number(message[name]["interval_second"]))
      message.child(name).set("interval_second", *seconds);
  }
  const schedule::Trigger trigger = MR_TRY(schedule::read_trigger(message, zone));
  for (auto& [name, schedule] : message.as_object()) {
    if (trigger.start) schedule.set("start_time", format_rfc3339(*trigger.start));
    if (trigger.end) schedule.set("end_time", format_rfc3339(*trigger.end));
    if (!trigger.cron) schedule.set("interval_second", std::to_string(trigger.interval_seconds));
  }
  return message;
}

}  // namespace

Result<Value> create_recurring_run(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(
      call, "RecurringRun",
      {"recurring_run_id", "display_name", "description", "pipeline_version_id", "pipeline_spec",
       "pipeline_version_reference", "runtime_config", "service_account", "max_concurrency", "trigger", "mode",
       "created_at", "updated_at", "status", "error", "no_catchup", "namespace", "experiment_id", "plugins_input"}));
  if (!body["plugins_input"].empty())
    return fail(Code::unimplemented, "plugins are not served here; leave plugins_input out");
  schedule::RecurringRun recurring;
  recurring.name = MR_TRY(text_field(body, "display_name"));
  if (recurring.name.empty())
    return fail(Code::invalid_argument, "Recurring run name is empty. Please specify a valid name");
  if (recurring.name.size() > kMaxRunName)
    return fail(Code::invalid_argument, fmt::format("display_name is longer than {} bytes", kMaxRunName));
  recurring.description = MR_TRY(text_field(body, "description"));
  recurring.service_account = MR_TRY(text_field(body, "service_account"));
  MR_TRY(text_field(body, "namespace"));  // one user, as upstream's single-user mode: it is not kept
  recurring.max_concurrency = MR_TRY(read_concurrency(body));
  recurring.trigger = MR_TRY(trigger_message(body["trigger"], context.scheduler.zone()));
  recurring.zone = context.scheduler.zone();
  recurring.enabled = MR_TRY(read_mode(body["mode"]));
  const Value& no_catchup = body["no_catchup"];
  if (!no_catchup.is_null() && !no_catchup.is_bool())
    return fail(Code::invalid_argument, "no_catchup must be true or false");
  recurring.no_catchup = no_catchup.bool_or(false);
  recurring.runtime_config = MR_TRY(read_runtime_config(body));

  SourceName name = MR_TRY(read_source_name(body, "recurring run"));
  runner::RunRecord trial;
  trial.runtime_config = recurring.runtime_config;
  Source source;
  if (name.spec.is_null()) {
    source = MR_TRY(stored_source(context, name.pipeline_id, name.version_id));
    recurring.pipeline_id = source.pipeline_id;
    recurring.version_id = name.version_id;  // empty: the newest one, whenever a run starts
  } else {
    source.spec = name.spec;
  }
  const Draft draft = MR_TRY(draft_run(context, std::move(trial), std::move(source), {}));
  recurring.pipeline_name = draft.run.pipeline_name;
  recurring.experiment_id = MR_TRY(resolve_experiment(context.database, MR_TRY(text_field(body, "experiment_id"))));
  recurring.id = uuid4();
  recurring.resource_name = schedule::make_resource_name(recurring.name);
  recurring.created = recurring.updated = context.clock.now();
  MR_TRY(context.database.write(
      [&](db::Connection& connection) { return schedule::insert_recurring(connection, recurring, name.spec); }));
  context.scheduler.wake();
  return to_message(recurring, std::move(name.spec));
}

Status start_recurring(Context& context, const schedule::RecurringRun& recurring, const schedule::Tick& tick,
                       const db::Database::Work& also) {
  runner::RunRecord run;
  run.id = uuid4();
  run.name = schedule::run_name(recurring.resource_name, tick.index);
  run.service_account = recurring.service_account;
  run.runtime_config = recurring.runtime_config;
  run.recurring_run_id = recurring.id;
  run.experiment_id = MR_TRY(resolve_experiment(context.database, recurring.experiment_id));
  run.created = tick.now;
  run.scheduled = tick.scheduled;
  Source source;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    source.spec = MR_TRY(schedule::read_recurring_spec(connection, recurring.id));
    return {};
  }));
  if (source.spec.is_null()) source = MR_TRY(stored_source(context, recurring.pipeline_id, recurring.version_id));
  const schedule::Macros macros{run.id, tick.now, tick.scheduled, tick.index};
  MR_TRY(create(context, MR_TRY(draft_run(context, std::move(run), std::move(source), macros)), also));
  return {};
}

}  // namespace millrace::pipelines::api
