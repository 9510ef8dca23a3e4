#pragma once
// Who may use an operation. A child of the server's acts for the run whose step it is: it may read what pipelines there
// are, add to them, start runs, and work with the runs of its family, which are its own and those that descend from it.

#include <string>

#include "base/result.h"
#include "pipelines/api/call.h"
#include "pipelines/api/listing.h"
#include "pipelines/executors/rights.h"
#include "pipelines/runner/records.h"

namespace millrace::pipelines::api {

enum class Access {
  anyone,      // health, of which nothing is private
  step,        // any run's step
  family,      // {id} or {run} is a run of the caller's family
  descendant,  // the same, but not the caller's own run
  filtered,    // any run's step; the operation shows it its family alone
  person,      // nobody else
};

// Errors: permission_denied.
Status check_access(Context& context, Access access, const Call& call);

// The caller's own run, or one that descends from it.
Result<bool> is_family(db::Connection& connection, const Caller& caller, std::string_view run_id);
Status check_family(Context& context, const std::string& run_id);
// A list shows only the family's rows. `column` holds a run's id.
void show_family(const Context& context, Listing& listing, std::string_view column);
// An artifact's bytes: those that its run has made.
Status check_artifact(Context& context, const std::string& run_id, const std::string& uri);
bool may_read_artifact(const Context& context, const std::string& run_id, const std::string& uri);

// What a run of this pipeline may use that the caller starts; nothing of it for a person. Errors: permission_denied for
// what the caller's run was not given.
Status restrict_run(Context& context, const PipelineSpec& pipeline, runner::RunRecord& run);

// Versions of a pipeline: a step adds them to those that its family has made. Inside the caller's transaction.
Status note_pipeline(db::Connection& connection, const Caller& caller, const std::string& pipeline_id);
Status check_pipeline_family(db::Connection& connection, const Caller& caller, const std::string& pipeline_id);

}  // namespace millrace::pipelines::api
