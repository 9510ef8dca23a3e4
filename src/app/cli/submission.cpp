#include "app/cli/submission.h"

#include <cstdio>

#include <fmt/core.h>

#include "app/cli/exit_codes.h"
#include "app/cli/find.h"
#include "app/cli/package.h"
#include "app/cli/tree.h"
#include "app/cli/watch.h"
#include "base/encode.h"
#include "base/json.h"
#include "base/terminal_text.h"
#include "pipelines/spec/caching.h"

namespace millrace::app {
namespace {

constexpr std::size_t kIdShown = 8;

Result<Source> source_from(Value pipeline, Value reference) {
  const pipelines::Package package = MR_TRY(pipelines::unwrap_package(pipeline));
  return Source{MR_TRY(pipelines::parse_pipeline_spec(package.spec, package.platform)), std::move(pipeline),
                std::move(reference)};
}

// The SDK 1.8's workflows say it elsewhere than the IR that they are translated to: that is sent then.
Status disable_caching(Source& source) {
  pipelines::Package package = MR_TRY(pipelines::unwrap_package(source.pipeline));
  source.pipeline =
      package.platform.is_null() && package.workflow.is_null()
          ? std::move(package.spec)
          : Value::object({{"pipeline_spec", std::move(package.spec)}, {"platform_spec", std::move(package.platform)}});
  pipelines::disable_caching(source.pipeline);
  source.reference = Value();
  return {};
}

Result<std::string> experiment_id(ApiClient& client, const std::string& name) {
  auto found = find_experiment(client, name);
  if (!found && found.error().code == Code::not_found)
    found = client.call("POST", "/experiments", Value::object({{"display_name", name}}));
  return MR_TRY(std::move(found))["experiment_id"].string_or();
}

}  // namespace

void SubmissionOptions::declare_source(Syntax& syntax) {
  syntax.argument("FILE", file, "A pipeline: .yaml, .json, .zip, .tar.gz, or .py (compiled with your kfp)", false);
  syntax.text("--pipeline", pipeline, "Instead of FILE: a pipeline on the server, by its name or id");
  syntax.text("--pipeline-version", version, "With --pipeline: its version, by name or id (default: the newest)");
  syntax.excludes("--pipeline", "FILE");
  syntax.needs("--pipeline-version", "--pipeline");
}

void SubmissionOptions::declare_settings(Syntax& syntax) {
  syntax.texts("-p,--parameter", parameters,
               "name=value, typed as the pipeline says (JSON for lists and structs); name=@path reads a file");
  syntax.text("--name", name, "What it is called (default: the pipeline's name)");
  syntax.text("--experiment", experiment, "Name or id of the experiment it belongs to; a new name makes one");
  syntax.text("--pipeline-root", pipeline_root, "Where its artifacts are put, such as s3://bucket/folder");
  syntax.text("--service-account", service_account, "The service account that the run notes");
  syntax.flag("--no-cache", no_cache, "Run every task, also where an earlier success with the same inputs is kept");
}

Result<Source> source_of_file(const std::string& file) {
  PipelineFile pipeline = MR_TRY(open_pipeline(file));
  if (pipeline.findings.empty()) return Source{std::move(pipeline.spec), std::move(pipeline.message), {}};
  std::string text = findings_text(file, pipeline);
  text.pop_back();
  return fail(Code::invalid_argument, fmt::format("{} cannot be run\n{}", file, text));
}

Result<Source> source_of_pipeline(ApiClient& client, const std::string& pipeline, const std::string& version) {
  const auto raw = client.as_it_is();
  const Value found = MR_TRY(find_pipeline(*raw, pipeline));
  const Value chosen = MR_TRY(find_version(*raw, found, version));
  return source_from(chosen["pipeline_spec"], Value::object({{"pipeline_id", found["pipeline_id"]},
                                                             {"pipeline_version_id", chosen["pipeline_version_id"]}}));
}

Result<Source> source_of_run(ApiClient& client, const Value& run) {
  const auto raw = client.as_it_is();
  const Value& reference = run["pipeline_version_reference"];
  if (reference.is_null()) return source_from(MR_TRY(raw->run(run["run_id"].string_or()))["pipeline_spec"], Value());
  const std::string path =
      fmt::format("/pipelines/{}/versions/{}", percent_encode(reference["pipeline_id"].string_or()),
                  percent_encode(reference["pipeline_version_id"].string_or()));
  const auto version = raw->call("GET", path);
  if (!version && version.error().code == Code::not_found) {
    return fail(Code::not_found,
                "the pipeline version of this run was deleted, and the run has no copy of it; upload "
                "the pipeline again and use `millrace run --pipeline`");
  }
  return source_from(MR_TRY(Result<Value>(version))["pipeline_spec"], reference);
}

Result<Value> submission(ApiClient& client, Source source, Value parameters, const SubmissionOptions& options) {
  if (options.no_cache) MR_TRY(disable_caching(source));
  Value config = Value::object({{"parameters", std::move(parameters)}});
  config.set_if(!options.pipeline_root.empty(), "pipeline_root", options.pipeline_root);
  Value message = Value::object({{"display_name", options.name.empty() ? source.spec->name : options.name}});
  if (source.reference.is_null()) {
    message.set("pipeline_spec", std::move(source.pipeline));
  } else {
    message.set("pipeline_version_reference", std::move(source.reference));
  }
  message.set("runtime_config", std::move(config));
  message.set_if(!options.service_account.empty(), "service_account", options.service_account);
  if (!options.experiment.empty()) message.set("experiment_id", MR_TRY(experiment_id(client, options.experiment)));
  return message;
}

Result<int> present_started(ApiClient& client, const Value& run, bool watch, bool json) {
  const std::string id = run["run_id"].string_or();
  if (!watch) {
    if (json) {
      fmt::print("{}\n", to_json_pretty(run));
    } else {
      fmt::print("{} is run {}\nwatch it    millrace get {} --watch\nits page    {}/#/runs/details/{}\n",
                 terminal_line(run["display_name"].string_or()), id, id.substr(0, kIdShown), client.endpoint(), id);
    }
    return kSucceeded;
  }
  const Value ended = MR_TRY(watch_run(client, id, json ? stderr : stdout));
  if (json) fmt::print("{}\n", to_json_pretty(ended));
  std::fflush(stdout);
  return exit_of_state(run_state(ended));
}

}  // namespace millrace::app
