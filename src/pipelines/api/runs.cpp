#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "pipelines/api/access.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/operations.h"
#include "pipelines/api/run_message.h"
#include "pipelines/executors/removed_files.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/records.h"
#include "pipelines/runner/task_rows.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxMetricName = 256;
constexpr std::string_view kMetric = "metric:";
// The pipeline of a run that came with its own; NULL for a version's. One column: no commas.
constexpr std::string_view kSpec =
    "(SELECT spec FROM kfp_run_specs WHERE run_id = kfp_runs.id AND kfp_runs.version_id = '')";
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"scheduled_at", "scheduled", FieldType::time},
                                Field{"finished_at", "finished", FieldType::time},
                                Field{"run_id", "id"},
                                Field{"id", "id"},
                                Field{"display_name", kNameColumn},
                                Field{"name", kNameColumn},
                                Field{"description", "description"},
                                Field{"storage_state", "storage_state", FieldType::word},
                                Field{"status", "state", FieldType::word},
                                Field{"state", "state", FieldType::word},
                                Field{"namespace", "''"},  // one user, as upstream's single-user mode
                                Field{"experiment_id", "experiment_id"},
                                Field{"pipeline_id", "pipeline_id"},
                                Field{"pipeline_version_id", "version_id"},
                                Field{"service_account", "service_account"},
                                Field{"recurring_run_id", "recurring_run_id"}};

Result<runner::RunRecord> find(db::Connection& connection, const std::string& id) {
  auto run = MR_TRY(runner::find_run(connection, id));
  if (!run) return fail(not_found("Run", id));
  return std::move(*run);
}

Result<runner::RunRecord> find(Context& context, const std::string& id) {
  runner::RunRecord run;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    run = MR_TRY(find(connection, id));
    return {};
  }));
  return run;
}

Status set_storage(Context& context, const std::string& id, std::string_view state) {
  return context.database.write([&](db::Connection& connection) -> Status {
    const runner::RunRecord run = MR_TRY(find(connection, id));
    if (state == "AVAILABLE") {
      auto row =
          MR_TRY(connection.prepare("SELECT name FROM kfp_experiments WHERE id = ? AND storage_state = 'ARCHIVED'"));
      if (MR_TRY(row.bind_all(run.experiment_id).step())) {
        return fail(Code::failed_precondition,
                    fmt::format("the experiment {} is archived; unarchive it before its run {}", row.text(0), id));
      }
    }
    auto row = MR_TRY(connection.prepare("UPDATE kfp_runs SET storage_state = ? WHERE id = ?"));
    return row.bind_all(state, id).run();
  });
}

// The column that `sort_by=metric:<name>` sorts by; empty where it is not asked for.
Result<std::string> metric_column(const std::string& sort_by, std::string& name) {
  const std::string_view wanted = trim(sort_by);
  if (!wanted.starts_with(kMetric)) return std::string();
  name = wanted.substr(0, wanted.find(' '));
  const std::string metric = name.substr(kMetric.size());
  if (metric.empty() || metric.size() > kMaxMetricName || metric.find('\0') != std::string::npos)
    return fail(Code::invalid_argument,
                fmt::format("sort_by: metric:<name> needs a name of 1 to {} bytes", kMaxMetricName));
  return fmt::format("(SELECT value FROM kfp_metrics WHERE run_id = kfp_runs.id AND kfp_metrics.name = '{}')",
                     replace_all(metric, "'", "''"));
}

}  // namespace

Result<Value> list_runs(Context& context, const Call& call) {
  std::string metric;
  const std::string column = MR_TRY(metric_column(MR_TRY(sort_order(call)), metric));
  std::vector<Field> fields(kFields.begin(), kFields.end());
  if (!column.empty()) fields.push_back({metric, column, FieldType::real});
  const std::string columns = fmt::format("{}, {}", runner::kRunColumns, kSpec);
  Listing listing{"Run", "kfp_runs", columns, fields, "runs", {}};
  const std::string experiment = call.parameter("experiment_id");
  if (!experiment.empty()) listing.where.emplace_back("experiment_id", experiment);
  show_family(context, listing, "id");
  Value answer = MR_TRY(list(context.database, call, listing, [](const db::Statement& row) {
    Value message = to_message(runner::run_from_row(row));
    const int last = static_cast<int>(std::count(runner::kRunColumns.begin(), runner::kRunColumns.end(), ',')) + 1;
    if (auto spec = parse_json(row.text(last))) message.set("pipeline_spec", std::move(*spec));
    return message;
  }));
  MR_TRY(check_listed(context, answer, experiment));
  return answer;
}

Result<net::Response> get_run(Context& context, const Call& call) {
  std::string body;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    const runner::RunRecord run = MR_TRY(find(connection, call.id()));
    Value message = to_message(run);
    if (run.version_id.empty()) message.set("pipeline_spec", MR_TRY(runner::read_spec(connection, run.id)));
    const auto outline = MR_TRY(runner::outline_tasks(connection, run.id));
    std::vector<engine::Event> events;
    if (std::any_of(outline.begin(), outline.end(), [](const auto& task) { return task.attempt > 1; }))
      events = MR_TRY(runner::read_events(connection, run.id));
    const TaskMessages messages(run.id, outline, MR_TRY(runner::artifact_ids(connection, run.id)), events);
    // Written as they are read: the whole of a large run is held once, as text.
    body = to_json(message);
    body.pop_back();
    body += R"(,"run_details":{"task_details":[)";
    bool first = true;
    MR_TRY(runner::each_task(connection, run.id, [&](const TaskView& task) -> Status {
      if (!first) body += ',';
      first = false;
      append_json(body, messages.message(task));
      return {};
    }));
    body += "]}}";
    return {};
  }));
  return net::Response::json(200, std::move(body));
}

Result<Value> delete_run(Context& context, const Call& call) {
  const std::string& id = call.id();
  // A run under way is stopped first, so that no process goes on for a run that nobody can name any more.
  MR_TRY(context.runner.remove(id));
  // Its logs go with it; its artifacts stay, as upstream leaves them: other runs may have them for an input.
  context.removed_files.take(id);
  return Value::object();
}

Result<Value> retry_run(Context& context, const Call& call) {
  MR_TRY(context.runner.retry(call.id()));
  return Value::object();
}

Result<Value> terminate_run(Context& context, const Call& call) {
  const runner::RunRecord run = MR_TRY(find(context, call.id()));
  if (run.finished || run.state == "CANCELING")
    return fail(Code::failed_precondition,
                fmt::format("the run {} is {}; only one under way can be terminated", run.id, run.state));
  MR_TRY(context.runner.terminate(call.id()));
  return Value::object();
}

Result<Value> archive_run(Context& context, const Call& call) {
  MR_TRY(set_storage(context, call.id(), "ARCHIVED"));
  return Value::object();
}

Result<Value> unarchive_run(Context& context, const Call& call) {
  MR_TRY(set_storage(context, call.id(), "AVAILABLE"));
  return Value::object();
}

}  // namespace millrace::pipelines::api
