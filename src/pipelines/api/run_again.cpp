#include "base/ids.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/run_draft.h"
#include "pipelines/spec/caching.h"

namespace millrace::pipelines::api {

Result<runner::RunRecord> run_again(Context& context, const std::string& run_id, const std::string& name,
                                    const std::function<Status(const std::string& new_id)>& first) {
  runner::RunRecord run;
  Source source;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    const auto earlier = MR_TRY(runner::find_run(connection, run_id));
    if (!earlier) return fail(not_found("Run", run_id));
    run.runtime_config = earlier->runtime_config;
    run.service_account = earlier->service_account;
    run.experiment_id = earlier->experiment_id;
    run.parent_run_id = earlier->parent_run_id;
    run.rights = earlier->rights;
    source = {MR_TRY(runner::read_spec(connection, run_id)), earlier->pipeline_id, earlier->version_id};
    return {};
  }));
  disable_caching(source.spec);
  run.id = uuid4();
  run.name = name;
  run.created = run.scheduled = context.clock.now();
  const schedule::Macros macros{run.id, run.created, {}, {}};
  Draft draft = MR_TRY(draft_run(context, std::move(run), std::move(source), macros));
  MR_TRY(first(draft.run.id));
  return create(context, std::move(draft));
}

}  // namespace millrace::pipelines::api
