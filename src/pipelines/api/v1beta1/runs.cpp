#include <array>

#include <fmt/core.h>

#include "base/json.h"
#include "base/time.h"
#include "base/yaml.h"
#include "db/dialect.h"
#include "pipelines/api/access.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/v1beta1/operations.h"
#include "pipelines/runner/task_rows.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

constexpr std::string_view kStatus =
    "CASE state WHEN 'PENDING' THEN 'Pending' WHEN 'RUNNING' THEN 'Running' WHEN 'SUCCEEDED' THEN 'Succeeded' "
    "WHEN 'SKIPPED' THEN 'Skipped' WHEN 'CANCELING' THEN 'Terminating' ELSE 'Failed' END" MR_SQL_ANY_CASE;
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"scheduled_at", "scheduled", FieldType::time},
                                Field{"finished_at", "finished", FieldType::time},
                                Field{"id", "id"},
                                Field{"name", kNameColumn},
                                Field{"description", "description"},
                                Field{"storage_state", "storage_state", FieldType::word},
                                Field{"status", kStatus},
                                Field{"service_account", "service_account"}};

// What a run's message has beside its row.
struct Parts {
  runner::RunRecord run;
  std::string experiment, version, recurring;  // names
  std::string workflow, spec;                  // documents, empty where there is none
};

constexpr std::string_view kBeside =
    "(SELECT name FROM kfp_experiments e WHERE e.id = experiment_id), "
    "(SELECT display_name FROM kfp_pipeline_versions v WHERE v.id = version_id), "
    "(SELECT name FROM kfp_recurring_runs r WHERE r.id = recurring_run_id), "
    "(SELECT manifest FROM kfp_v1_workflows w WHERE w.run_id = kfp_runs.id), "
    "(SELECT spec FROM kfp_run_specs s WHERE s.run_id = kfp_runs.id)";

std::string columns() { return fmt::format("{}, {}", runner::kRunColumns, kBeside); }

Parts parts_from(const db::Statement& row) {
  Parts parts;
  parts.run = runner::run_from_row(row);
  int next = 1;
  for (const char c : runner::kRunColumns) next += c == ',' ? 1 : 0;
  for (std::string* text : {&parts.experiment, &parts.version, &parts.recurring, &parts.workflow, &parts.spec})
    *text = row.text(next++);
  return parts;
}

Value to_v1(const Parts& parts) {
  const runner::RunRecord& run = parts.run;
  Value message =
      Value::object({{"id", run.id}, {"name", run.name}, {"storage_state", storage_state(run.storage_state)}});
  message.set_if(!run.description.empty(), "description", run.description);
  Value spec = Value::object();
  spec.set_if(!run.pipeline_id.empty(), "pipeline_id", run.pipeline_id).set("pipeline_name", run.pipeline_name);
  if (!parts.workflow.empty())
    spec.set("workflow_manifest", parts.workflow);
  else
    spec.set("pipeline_manifest", parts.spec);
  Value parameters = parameter_list(run.parameters);
  if (!parameters.empty()) spec.set("parameters", std::move(parameters));
  message.set("pipeline_spec", std::move(spec));
  Value references = Value::array({resource_reference("EXPERIMENT", run.experiment_id, "OWNER", parts.experiment)});
  if (!run.version_id.empty())
    references.push(resource_reference("PIPELINE_VERSION", run.version_id, "CREATOR", parts.version));
  if (!run.recurring_run_id.empty())
    references.push(resource_reference("JOB", run.recurring_run_id, "CREATOR", parts.recurring));
  message.set("resource_references", std::move(references));
  message.set_if(!run.service_account.empty(), "service_account", run.service_account);
  message.set("created_at", format_rfc3339(run.created)).set("scheduled_at", format_rfc3339(run.scheduled));
  message.set("finished_at", format_rfc3339(run.finished.value_or(Time{})));
  message.set("status", phase(run.state));
  message.set_if(!run.error.empty(), "error", run.error);
  return message;
}

Status add_metrics(Context& context, Value& message) {
  Value metrics = MR_TRY(metrics_of(context, message["id"].string_or()));
  if (!metrics.empty()) message.set("metrics", std::move(metrics));
  return {};
}

Result<Value> detail(Context& context, const std::string& id) {
  Parts parts;
  std::vector<TaskView> tasks;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_runs WHERE id = ?", columns())));
    if (!MR_TRY(row.bind_all(id).step())) return fail(not_found("Run", id));
    parts = parts_from(row);
    tasks = MR_TRY(runner::read_tasks(connection, id));
    return {};
  }));
  Value manifest;
  if (!parts.workflow.empty()) manifest = MR_TRY(parse_json(parts.workflow));
  Value message = to_v1(parts);
  MR_TRY(add_metrics(context, message));
  Value runtime = Value::object({{"workflow_manifest", to_json(live_workflow(parts.run, tasks, std::move(manifest)))}});
  if (parts.workflow.empty()) runtime.set("pipeline_manifest", parts.spec);
  return Value::object({{"run", std::move(message)}, {"pipeline_runtime", std::move(runtime)}});
}

}  // namespace

Status set_pipeline(Context& context, const Value& spec, const std::string& version_id, Value& out) {
  for (const char* manifest : {"workflow_manifest", "pipeline_manifest"}) {
    const std::string text = MR_TRY(text_field(spec, manifest));
    if (text.empty()) continue;
    auto parsed = parse_yaml(text);  // JSON, as a rule
    if (!parsed)
      return fail(Code::invalid_argument, fmt::format("pipeline_spec.{}: {}", manifest, parsed.error().message));
    out.set("pipeline_spec", std::move(*parsed));
    return {};
  }
  const std::string pipeline_id = MR_TRY(text_field(spec, "pipeline_id"));
  Value reference = Value::object();
  reference.set_if(!pipeline_id.empty(), "pipeline_id", pipeline_id);
  reference.set_if(!version_id.empty(), "pipeline_version_id", version_id);
  if (version_id.empty() && !pipeline_id.empty()) {
    MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
      reference.set("pipeline_version_id", MR_TRY(default_version(connection, pipeline_id)).id);
      return {};
    }));
  }
  if (reference.empty())
    return fail(Code::invalid_argument,
                "the run needs a workflow_manifest, a pipeline_id or a reference to a PIPELINE_VERSION");
  out.set("pipeline_version_reference", std::move(reference));
  return {};
}

Result<std::string> name_of(const Value& body, const Value& spec) {
  std::string name = MR_TRY(text_field(body, "name"));
  return name.empty() ? text_field(spec, "pipeline_name") : std::move(name);
}

Result<Value> read_pipeline_spec(const Value& body) {
  return read_message(
      body["pipeline_spec"], "pipeline_spec",
      {"pipeline_id", "pipeline_name", "workflow_manifest", "pipeline_manifest", "parameters", "runtime_config"});
}

Result<Value> runtime_config_of(const Value& spec) {
  Value config = MR_TRY(read_message(spec["runtime_config"], "runtime_config", {"parameters", "pipeline_root"}));
  if (config.has("parameters") && !config["parameters"].is_object())
    return fail(Code::invalid_argument, "runtime_config.parameters must be a JSON object");
  for (const Value& parameter : spec["parameters"].items())
    config.child("parameters").set(MR_TRY(text_field(parameter, "name")), MR_TRY(text_field(parameter, "value")));
  return config;
}

Value parameter_list(const Value& parameters) {
  Value list = Value::array();
  for (const auto& [name, value] : parameters.members())
    list.push(Value::object({{"name", name}, {"value", value.is_string() ? value.as_string() : to_json(value)}}));
  return list;
}

std::string_view phase(std::string_view state) {
  constexpr std::pair<std::string_view, std::string_view> kPhases[] = {{"PENDING", "Pending"},
                                                                       {"RUNNING", "Running"},
                                                                       {"SUCCEEDED", "Succeeded"},
                                                                       {"SKIPPED", "Skipped"},
                                                                       {"CANCELING", "Terminating"}};
  for (const auto& [from, to] : kPhases) {
    if (from == state) return to;
  }
  // A run that was terminated, too: the clients wait for one of the words that they know.
  return "Failed";
}

Result<Value> create_run(Context& context, const Call& call) {
  const Value body =
      MR_TRY(read_body(call, "Run",
                       {"id", "name", "storage_state", "description", "pipeline_spec", "resource_references",
                        "service_account", "created_at", "scheduled_at", "finished_at", "status", "error", "metrics"}));
  const Value spec = MR_TRY(read_pipeline_spec(body));
  Value run = Value::object({{"display_name", MR_TRY(name_of(body, spec))},
                             {"description", MR_TRY(text_field(body, "description"))},
                             {"service_account", MR_TRY(text_field(body, "service_account"))},
                             {"experiment_id", MR_TRY(referenced(body, "EXPERIMENT"))},
                             {"runtime_config", MR_TRY(runtime_config_of(spec))}});
  MR_TRY(set_pipeline(context, spec, MR_TRY(referenced(body, "PIPELINE_VERSION")), run));
  const Inner inner(call, run);
  const Value made = MR_TRY(api::create_run(context, inner.call));
  return detail(context, made["run_id"].string_or());
}

Result<Value> list_runs(Context& context, const Call& call) {
  Inner inner(call);
  inner.call.query = MR_TRY(list_query(call));
  const std::string all = columns();
  Listing listing{"Run", "kfp_runs", all, kFields, "runs", {}};
  const std::string type = call.parameter("resource_reference_key.type"),
                    id = call.parameter("resource_reference_key.id");
  const std::string experiment = is_type(Value(type), "EXPERIMENT") ? id : "";
  if (!experiment.empty()) listing.where.emplace_back("experiment_id", experiment);
  if (is_type(Value(type), "JOB") && !id.empty()) listing.where.emplace_back("recurring_run_id", id);
  show_family(context, listing, "id");
  Value answer = MR_TRY(
      list(context.database, inner.call, listing, [](const db::Statement& row) { return to_v1(parts_from(row)); }));
  MR_TRY(check_listed(context, answer, experiment));
  if (Value* runs = answer.find("runs"); runs != nullptr && runs->is_array()) {
    for (Value& run : runs->as_array()) MR_TRY(add_metrics(context, run));
  }
  return answer;
}

Result<Value> get_run(Context& context, const Call& call) { return detail(context, call.id()); }

}  // namespace millrace::pipelines::api::v1beta1
