#pragma once
// What a run is made of, before it is one: shared by POST /runs and by the runs that recurring runs start. Everything
// that can be wrong with a run is said here, before anything is stored.

#include <memory>
#include <string>
#include <string_view>

#include "pipelines/api/call.h"
#include "pipelines/runner/records.h"
#include "pipelines/schedule/macros.h"

namespace millrace::pipelines::api {

constexpr std::size_t kMaxRunName = 1'024;  // bytes, of a run's or a recurring run's display_name

// The pipeline of a run, and where it came from: ids are empty for one that came with the run.
struct Source {
  Value spec;
  std::string pipeline_id, version_id;
};
// Of a stored pipeline; its newest version where `version_id` is empty. Errors: not_found.
Result<Source> stored_source(Context& context, const std::string& pipeline_id, const std::string& version_id);

// What a message of this kind ("run", "recurring run") names: pipeline_spec, or pipeline_version_reference (or the
// older pipeline_version_id), of which a part may be empty. Errors: invalid_argument.
struct SourceName {
  Value spec;  // null: a stored pipeline is meant
  std::string pipeline_id, version_id;
};
Result<SourceName> read_source_name(const Value& body, std::string_view what);

// A message's runtime_config. Errors: invalid_argument.
Result<Value> read_runtime_config(const Value& body);

struct Draft {
  runner::RunRecord run;
  Value spec;                            // what will run: the IR, or {pipeline_spec, platform_spec}
  std::unique_ptr<PipelineSpec> parsed;  // the same
  Value workflow;                        // what was submitted, where that is the SDK 1.8's; else null
};
// `run` with what follows from its pipeline, its runtime_config and the macros in it. Macros of a run that no recurring
// run starts (no index) are filled in for workflows only, as upstream has it. Errors: invalid_argument, unimplemented
// for a pipeline that this machine cannot run.
Result<Draft> draft_run(Context& context, runner::RunRecord run, Source source, const schedule::Macros& macros);

// Stores it and lets it go. What `also` writes is in the same transaction.
Result<runner::RunRecord> create(Context& context, Draft draft, const db::Database::Work& also = {});

}  // namespace millrace::pipelines::api
