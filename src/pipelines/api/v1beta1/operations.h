#pragma once
// The operations of v1beta1, by group, and what they share.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "net/http.h"
#include "pipelines/api/operations.h"
#include "pipelines/runner/records.h"

namespace millrace::pipelines::api::v1beta1 {

// A call in v2beta1's words.
class Inner {
 public:
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;
  explicit Inner(const Call& outer);            // the same body
  Inner(const Call& outer, const Value& body);  // another
  net::Request request;
  Call call;

 private:
  std::unique_ptr<net::BodyReader> body_;
};

// Filter, order and page of a list in v2beta1's words. Errors: a filter that cannot be read.
Result<std::vector<std::pair<std::string, std::string>>> list_query(const Call& outer);

Value resource_reference(std::string_view type, std::string_view id, std::string_view relationship,
                         std::string_view name = {});
// Is it this type of a resource, by name or by number?
bool is_type(const Value& given, std::string_view type);
// The id of the first reference of this type; empty: there is none. Errors: references that are no list of them.
Result<std::string> referenced(const Value& message, std::string_view type);
std::string storage_state(std::string_view state);  // "AVAILABLE" → "STORAGESTATE_AVAILABLE"
// [{name, value}] of a pipeline as it is stored.
Value declared_parameters(const Value& spec);

// experiments.cpp
Result<Value> create_experiment(Context& context, const Call& call);
Result<Value> list_experiments(Context& context, const Call& call);
Result<Value> get_experiment(Context& context, const Call& call);

// pipelines.cpp
Result<Value> create_pipeline(Context& context, const Call& call);
Result<Value> list_pipelines(Context& context, const Call& call);
Result<Value> get_pipeline(Context& context, const Call& call);
Result<Value> get_pipeline_by_name(Context& context, const Call& call);
Result<Value> delete_pipeline(Context& context, const Call& call);
Result<Value> upload_pipeline(Context& context, const Call& call);
Result<Value> get_pipeline_template(Context& context, const Call& call);
Result<Value> set_default_version(Context& context, const Call& call);
// The version that a run of the pipeline is of, where it names none.
Result<Version> default_version(db::Connection& connection, const std::string& pipeline_id);

// versions.cpp
Value to_v1(const Version& version);
Result<Value> create_version(Context& context, const Call& call);
Result<Value> list_versions(Context& context, const Call& call);
Result<Value> get_version(Context& context, const Call& call);
Result<Value> delete_version(Context& context, const Call& call);
Result<Value> upload_version(Context& context, const Call& call);
Result<Value> get_version_template(Context& context, const Call& call);

// runs.cpp
Result<Value> create_run(Context& context, const Call& call);
Result<Value> list_runs(Context& context, const Call& call);
Result<Value> get_run(Context& context, const Call& call);

// What to run, put into a message of v2beta1: `spec` is the older message's pipeline_spec. Errors: invalid_argument.
Status set_pipeline(Context& context, const Value& spec, const std::string& version_id, Value& out);
// Its runtime_config, and its parameters in it.
Result<Value> runtime_config_of(const Value& spec);
// pipeline_spec of a run or a job. Errors: invalid_argument naming a member that it has not.
Result<Value> read_pipeline_spec(const Value& body);
// A run or a job without a name of its own is called as its pipeline_spec names the pipeline.
Result<std::string> name_of(const Value& body, const Value& spec);
Value parameter_list(const Value& parameters);  // {name: value} → [{name, value}], values as text

// jobs.cpp: recurring runs
Result<Value> create_job(Context& context, const Call& call);
Result<Value> list_jobs(Context& context, const Call& call);
Result<Value> get_job(Context& context, const Call& call);

// metrics.cpp
Result<Value> report_metrics(Context& context, const Call& call);
// What was reported, and what tasks have left in an output named mlpipeline-metrics.
Result<Value> metrics_of(Context& context, const std::string& run_id);

// workflow_status.cpp: the live workflow of a run, {…, "status": {"phase", "nodes"}}. `manifest`: what was submitted;
// null for a pipeline of the newer SDK.
Value live_workflow(const runner::RunRecord& run, const std::vector<TaskView>& tasks, Value manifest);
std::string_view phase(std::string_view state);  // "SUCCEEDED" → "Succeeded"

}  // namespace millrace::pipelines::api::v1beta1
