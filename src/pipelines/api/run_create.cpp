#include <fmt/core.h>

#include "base/ids.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/run_draft.h"
#include "pipelines/api/run_message.h"
#include "pipelines/schedule/recurring_rows.h"

namespace millrace::pipelines::api {

Result<Value> create_run(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(call, "Run",
                                      {"experiment_id",
                                       "run_id",
                                       "display_name",
                                       "storage_state",
                                       "description",
                                       "pipeline_version_id",
                                       "pipeline_spec",
                                       "pipeline_version_reference",
                                       "runtime_config",
                                       "service_account",
                                       "created_at",
                                       "scheduled_at",
                                       "finished_at",
                                       "state",
                                       "error",
                                       "run_details",
                                       "recurring_run_id",
                                       "state_history",
                                       "plugins_input",
                                       "plugins_output"}));
  if (!body["plugins_input"].empty())
    return fail(Code::unimplemented, "plugins are not served here; leave plugins_input out");
  runner::RunRecord run;
  run.name = MR_TRY(text_field(body, "display_name"));
  if (run.name.empty()) return fail(Code::invalid_argument, "the run needs a display_name");
  if (run.name.size() > kMaxRunName)
    return fail(Code::invalid_argument, fmt::format("display_name is longer than {} bytes", kMaxRunName));
  run.description = MR_TRY(text_field(body, "description"));
  run.service_account = MR_TRY(text_field(body, "service_account"));
  run.runtime_config = MR_TRY(read_runtime_config(body));
  run.id = uuid4();
  run.created = context.clock.now();
  run.scheduled = run.created;
  run.recurring_run_id = MR_TRY(text_field(body, "recurring_run_id"));

  SourceName name = MR_TRY(read_source_name(body, "run"));
  Source source = name.spec.is_null() ? MR_TRY(stored_source(context, name.pipeline_id, name.version_id))
                                      : Source{std::move(name.spec), {}, {}};
  const schedule::Macros macros{run.id, run.created, {}, {}};
  Draft draft = MR_TRY(draft_run(context, std::move(run), std::move(source), macros));

  std::string experiment = MR_TRY(text_field(body, "experiment_id"));
  if (experiment.empty()) experiment = call.parameter("experiment_id");
  draft.run.experiment_id = MR_TRY(resolve_experiment(context.database, experiment));
  if (!draft.run.recurring_run_id.empty()) {
    MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
      if (MR_TRY(schedule::find_recurring(connection, draft.run.recurring_run_id))) return {};
      return fail(not_found("RecurringRun", draft.run.recurring_run_id));
    }));
  }
  return to_message(MR_TRY(create(context, std::move(draft))));
}

}  // namespace millrace::pipelines::api
