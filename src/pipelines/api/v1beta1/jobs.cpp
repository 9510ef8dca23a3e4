// Recurring runs, which the older API calls jobs.

#include <array>

#include <fmt/core.h>

#include "base/json.h"
#include "base/time.h"
#include "db/dialect.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/v1beta1/operations.h"
#include "pipelines/schedule/recurring_rows.h"
#include "pipelines/v1/workflow.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

constexpr std::string_view kStatus = "CASE enabled WHEN 1 THEN 'Enabled' ELSE 'Disabled' END" MR_SQL_ANY_CASE;
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"updated_at", "updated", FieldType::time},
                                Field{"id", "id"},
                                Field{"name", kNameColumn},
                                Field{"description", "description"},
                                Field{"status", kStatus},
                                Field{"service_account", "service_account"}};

// What a job's message has beside its row: names, and the pipeline, which came with it or is stored.
constexpr std::string_view kBeside =
    "(SELECT name FROM kfp_experiments e WHERE e.id = experiment_id), "
    "(SELECT display_name FROM kfp_pipeline_versions v WHERE v.id = version_id), "
    "(SELECT spec FROM kfp_recurring_run_specs s WHERE s.recurring_run_id = kfp_recurring_runs.id), "
    "(SELECT spec FROM kfp_pipeline_versions v WHERE v.id = version_id)";

std::string columns() { return fmt::format("{}, {}", schedule::kRecurringColumns, kBeside); }

Value job_message(const db::Statement& row) {
  const schedule::RecurringRun job = schedule::recurring_from_row(row);
  int next = 1;
  for (const char c : schedule::kRecurringColumns) next += c == ',' ? 1 : 0;
  const std::string experiment = row.text(next), version = row.text(next + 1);
  const std::string manifest = row.text(row.is_null(next + 2) ? next + 3 : next + 2);
  Value message = Value::object({{"id", job.id}, {"name", job.name}});
  message.set_if(!job.description.empty(), "description", job.description);
  Value spec = Value::object();
  spec.set_if(!job.pipeline_id.empty(), "pipeline_id", job.pipeline_id).set("pipeline_name", job.pipeline_name);
  if (!manifest.empty()) {
    const auto parsed = parse_json(manifest);
    spec.set(parsed && v1::is_workflow(*parsed) ? "workflow_manifest" : "pipeline_manifest", manifest);
  }
  Value parameters = parameter_list(job.runtime_config["parameters"]);
  if (!parameters.empty()) spec.set("parameters", std::move(parameters));
  message.set("pipeline_spec", std::move(spec));
  Value references = Value::array({resource_reference("EXPERIMENT", job.experiment_id, "OWNER", experiment)});
  if (!job.version_id.empty())
    references.push(resource_reference("PIPELINE_VERSION", job.version_id, "CREATOR", version));
  message.set("resource_references", std::move(references));
  message.set_if(!job.service_account.empty(), "service_account", job.service_account);
  message.set("max_concurrency", std::to_string(job.max_concurrency));
  if (!job.trigger.empty()) message.set("trigger", job.trigger);
  message.set("mode", job.enabled ? "ENABLED" : "DISABLED");
  message.set("created_at", format_rfc3339(job.created)).set("updated_at", format_rfc3339(job.updated));
  message.set("status", job.enabled ? "Enabled" : "Disabled");
  if (job.error) message.set("error", job.error->message);
  message.set_if(job.enabled, "enabled", true);
  message.set_if(job.no_catchup, "no_catchup", true);
  return message;
}

Result<Value> find(Context& context, const std::string& id) {
  Value message;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_recurring_runs WHERE id = ?", columns())));
    if (!MR_TRY(row.bind_all(id).step())) return fail(not_found("Job", id));
    message = job_message(row);
    return {};
  }));
  return message;
}

// Job.Mode, the older SDK's other word for `enabled`.
Result<bool> is_enabled_mode(const Value& mode) {
  constexpr std::pair<std::string_view, bool> kModes[] = {
      {"UNKNOWN_MODE", false}, {"ENABLED", true}, {"DISABLED", false}};
  if (mode.is_null()) return false;
  for (int i = 0; i < 3; ++i) {
    if (mode == Value(kModes[i].first) || mode == Value(i)) return kModes[i].second;
  }
  return fail(Code::invalid_argument, "mode must be ENABLED or DISABLED");
}

}  // namespace

Result<Value> create_job(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(
      call, "Job",
      {"id", "name", "description", "pipeline_spec", "resource_references", "service_account", "max_concurrency",
       "trigger", "mode", "created_at", "updated_at", "status", "error", "enabled", "no_catchup"}));
  if (body.has("enabled") && !body["enabled"].is_bool())
    return fail(Code::invalid_argument, "enabled must be true or false");
  const bool enabled = body["enabled"].bool_or(false) || MR_TRY(is_enabled_mode(body["mode"]));
  const Value spec = MR_TRY(read_pipeline_spec(body));
  Value recurring = Value::object({{"display_name", MR_TRY(name_of(body, spec))},
                                   {"description", MR_TRY(text_field(body, "description"))},
                                   {"service_account", MR_TRY(text_field(body, "service_account"))},
                                   {"experiment_id", MR_TRY(referenced(body, "EXPERIMENT"))},
                                   {"runtime_config", MR_TRY(runtime_config_of(spec))},
                                   {"max_concurrency", body["max_concurrency"]},
                                   {"trigger", body["trigger"]},
                                   {"no_catchup", body["no_catchup"]},
                                   {"mode", enabled ? "ENABLE" : "DISABLE"}});
  MR_TRY(set_pipeline(context, spec, MR_TRY(referenced(body, "PIPELINE_VERSION")), recurring));
  const Inner inner(call, recurring);
  const Value made = MR_TRY(api::create_recurring_run(context, inner.call));
  return find(context, made["recurring_run_id"].string_or());
}

Result<Value> list_jobs(Context& context, const Call& call) {
  Inner inner(call);
  inner.call.query = MR_TRY(list_query(call));
  const std::string all = columns();
  Listing listing{"Job", "kfp_recurring_runs", all, kFields, "jobs", {}};
  const std::string type = call.parameter("resource_reference_key.type"),
                    id = call.parameter("resource_reference_key.id");
  const std::string experiment = is_type(Value(type), "EXPERIMENT") ? id : "";
  if (!experiment.empty()) listing.where.emplace_back("experiment_id", experiment);
  Value answer = MR_TRY(list(context.database, inner.call, listing, job_message));
  MR_TRY(check_listed(context, answer, experiment));
  return answer;
}

Result<Value> get_job(Context& context, const Call& call) { return find(context, call.id()); }

}  // namespace millrace::pipelines::api::v1beta1
