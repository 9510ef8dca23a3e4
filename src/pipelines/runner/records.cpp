#include "pipelines/runner/records.h"

#include <utility>

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/runner/artifact_rows.h"
#include "pipelines/runner/column_values.h"

namespace millrace::pipelines::runner {
namespace {

constexpr std::size_t kEventsBytes = 64u << 10;  // of a row of events: no more are put to it then

}  // namespace

RunRecord run_from_row(const db::Statement& row) {
  RunRecord run;
  run.id = row.text(0);
  run.name = row.text(1);
  run.description = row.text(2);
  run.experiment_id = row.text(3);
  run.pipeline_id = row.text(4);
  run.version_id = row.text(5);
  run.pipeline_name = row.text(6);
  run.resource_name = row.text(7);
  run.service_account = row.text(8);
  run.runtime_config = stored(row.text(9));
  run.parameters = stored(row.text(10));
  run.created = from_epoch_ms(row.integer(11));
  run.finished = time_from(row.integer(12));
  run.state = row.text(13);
  run.storage_state = row.text(14);
  run.error = row.text(15);
  run.state_history = stored(row.text(16));
  run.recurring_run_id = row.text(17);
  run.scheduled = from_epoch_ms(row.integer(18));
  run.parent_run_id = row.text(19);
  if (!run.parent_run_id.empty()) run.rights = stored(row.text(20));
  return run;
}

void set_state(RunRecord& run, std::string_view state, Time at) {
  if (run.state == state) return;
  run.state = state;
  run.state_history.push(Value::object({{"update_time", format_rfc3339(at)}, {"state", state}}));
}

Status insert_run(db::Connection& connection, const RunRecord& run, const Value& spec) {
  auto row = MR_TRY(connection.prepare(
      fmt::format("INSERT INTO kfp_runs({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", kRunColumns)));
  row.bind_all(run.id, run.name, run.description, run.experiment_id, run.pipeline_id, run.version_id, run.pipeline_name,
               run.resource_name, run.service_account, to_json(run.runtime_config), to_json(run.parameters),
               to_epoch_ms(run.created), milliseconds(run.finished), run.state, run.storage_state, run.error,
               to_json(run.state_history), run.recurring_run_id, to_epoch_ms(run.scheduled), run.parent_run_id,
               run.parent_run_id.empty() ? std::string() : to_json(run.rights));
  MR_TRY(row.run());
  auto text = MR_TRY(connection.prepare("INSERT INTO kfp_run_specs(run_id, spec) VALUES(?,?)"));
  MR_TRY(text.bind_all(run.id, to_json(spec)).run());
  auto experiment = MR_TRY(connection.prepare("UPDATE kfp_experiments SET last_run_created = ? WHERE id = ?"));
  return experiment.bind_all(to_epoch_ms(run.created), run.experiment_id).run();
}

Status update_run(db::Connection& connection, const RunRecord& run) {
  auto row = MR_TRY(
      connection.prepare("UPDATE kfp_runs SET state = ?, finished = ?, error = ?, state_history = ? WHERE id = ?"));
  return row.bind_all(run.state, milliseconds(run.finished), run.error, to_json(run.state_history), run.id).run();
}

Result<std::optional<RunRecord>> find_run(db::Connection& connection, const std::string& id) {
  auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_runs WHERE id = ?", kRunColumns)));
  if (!MR_TRY(row.bind_all(id).step())) return std::optional<RunRecord>();
  return std::optional<RunRecord>(run_from_row(row));
}

Result<Value> read_spec(db::Connection& connection, const std::string& run_id) {
  auto row = MR_TRY(connection.prepare("SELECT spec FROM kfp_run_specs WHERE run_id = ?"));
  if (!MR_TRY(row.bind_all(run_id).step()))
    return fail(Code::data_loss, fmt::format("the run {} has no pipeline", run_id));
  return parse_json(row.text(0));
}

Status delete_run(db::Connection& connection, const std::string& id) {
  for (const std::string_view sql :
       {"DELETE FROM kfp_runs WHERE id = ?", "DELETE FROM kfp_run_specs WHERE run_id = ?",
        "DELETE FROM kfp_tasks WHERE run_id = ?", "DELETE FROM run_events WHERE run_id = ?"}) {
    auto statement = MR_TRY(connection.prepare(sql));
    MR_TRY(statement.bind_all(id).run());
  }
  return delete_artifacts(connection, id);
}

Result<std::vector<std::string>> unfinished_runs(db::Connection& connection) {
  std::vector<std::string> ids;
  auto row = MR_TRY(connection.prepare("SELECT id FROM kfp_runs WHERE finished = 0"));
  while (MR_TRY(row.step())) ids.push_back(row.text(0));
  return ids;
}

Result<std::map<std::string, std::size_t>> count_unfinished(db::Connection& connection) {
  std::map<std::string, std::size_t> counts;
  auto row = MR_TRY(connection.prepare("SELECT state, count(*) FROM kfp_runs WHERE finished = 0 GROUP BY state"));
  while (MR_TRY(row.step())) counts[row.text(0)] = static_cast<std::size_t>(row.integer(1));
  return counts;
}

Status put_events(db::Connection& connection, const std::string& run_id, std::int64_t number,
                  std::span<const engine::Event> events) {
  auto row = MR_TRY(connection.prepare("INSERT INTO run_events(run_id, number, event) VALUES(?,?,?)"));
  std::string text;
  std::int64_t count = 0;
  while (!events.empty()) {
    text += text.empty() ? '[' : ',';
    engine::append_event(text, events.front());
    events = events.subspan(1);
    ++count;
    if (text.size() < kEventsBytes && !events.empty()) continue;
    text += ']';
    MR_TRY(row.bind_all(run_id, number, text).run());
    text.clear();
    number += std::exchange(count, 0);
  }
  return {};
}

Result<std::vector<engine::Event>> read_events(db::Connection& connection, const std::string& run_id) {
  std::vector<engine::Event> events;
  JsonLimits limits;
  limits.max_depth *= 2;  // an output may be as deep as a document is allowed to be, and lies within the event
  auto row = MR_TRY(connection.prepare("SELECT event FROM run_events WHERE run_id = ? ORDER BY number"));
  row.bind_all(run_id);
  while (MR_TRY(row.step())) {
    const Value value = MR_TRY(parse_json(row.text(0), limits));
    // Until version 4 of the schema each event had a row of its own.
    if (value.is_object()) events.push_back(engine::event_from_value(value));
    for (const Value& event : value.items()) events.push_back(engine::event_from_value(event));
  }
  return events;
}

RunView view_of(const RunRecord& run) {
  RunView view;
  view.id = run.id;
  view.display_name = run.name;
  view.pipeline_name = run.pipeline_name;
  view.experiment_id = run.experiment_id;
  view.state = run.state;
  view.error = run.error;
  view.created = run.created;
  view.finished = run.finished;
  return view;
}

}  // namespace millrace::pipelines::runner
