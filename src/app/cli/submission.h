#pragma once
// What a run, a clone and a recurring run are made of, as the API takes it.

#include <optional>
#include <string>
#include <vector>

#include "app/cli/client.h"
#include "app/cli/syntax.h"
#include "base/result.h"
#include "base/value.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::app {

struct SubmissionOptions {
  std::string file, pipeline, version;  // a file of this machine, or a pipeline on the server (version empty: newest)
  std::string name, experiment, pipeline_root, service_account;
  std::vector<std::string> parameters;  // name=value, name=@file
  bool no_cache = false;

  void declare_source(Syntax& syntax);    // FILE, --pipeline, --pipeline-version
  void declare_settings(Syntax& syntax);  // the others
};

// The pipeline of a submission.
struct Source {
  std::optional<pipelines::PipelineSpec> spec;
  Value pipeline;   // the API's pipeline_spec
  Value reference;  // the API's pipeline_version_reference; null: of a file
};

// Of the file, without a server. Errors: invalid_argument; every problem of it is said, a line each.
Result<Source> source_of_file(const std::string& file);
// Of the pipeline on the server. Errors: not_found.
Result<Source> source_of_pipeline(ApiClient& client, const std::string& pipeline, const std::string& version);
// Of an earlier run, as the API gives it.
Result<Source> source_of_run(ApiClient& client, const Value& run);

// The message: display_name, pipeline_spec or pipeline_version_reference, runtime_config, service_account and
// experiment_id. An experiment that is not there is made, as the SDK does.
Result<Value> submission(ApiClient& client, Source source, Value parameters, const SubmissionOptions& options);

// "hello is run 1f0c…" and how to watch it; with `json` the run itself. Or, with `watch`, the run until it has ended.
// The exit code.
Result<int> present_started(ApiClient& client, const Value& run, bool watch, bool json);

}  // namespace millrace::app
