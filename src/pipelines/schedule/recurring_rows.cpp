#include "pipelines/schedule/recurring_rows.h"

#include <fmt/core.h>

#include "base/json.h"
#include "pipelines/runner/column_values.h"
#include "pipelines/schedule/trigger.h"

namespace millrace::pipelines::schedule {
namespace {

using runner::stored;

Code code_of(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Code::data_loss); ++i) {
    if (code_name(static_cast<Code>(i)) == name) return static_cast<Code>(i);
  }
  return Code::internal;
}

Result<std::optional<Time>> due_after(const RecurringRun& recurring, std::optional<Time> last) {
  return next_time(MR_TRY(read_trigger(recurring.trigger, recurring.zone)), last, recurring.created);
}

std::optional<std::int64_t> milliseconds(const std::optional<Time>& time) {
  return time ? std::optional(to_epoch_ms(*time)) : std::nullopt;
}

}  // namespace

RecurringRun recurring_from_row(const db::Statement& row) {
  RecurringRun recurring;
  int column = 0;
  for (std::string* text :
       {&recurring.id, &recurring.name, &recurring.description, &recurring.resource_name, &recurring.experiment_id,
        &recurring.pipeline_id, &recurring.version_id, &recurring.pipeline_name, &recurring.service_account})
    *text = row.text(column++);
  recurring.runtime_config = stored(row.text(column++));
  recurring.trigger = stored(row.text(column++));
  recurring.max_concurrency = row.integer(column++);
  recurring.no_catchup = row.integer(column++) != 0;
  recurring.enabled = row.integer(column++) != 0;
  recurring.created = from_epoch_ms(row.integer(column++));
  recurring.updated = from_epoch_ms(row.integer(column++));
  recurring.last_index = row.integer(column++);
  recurring.last_scheduled = from_epoch_ms(row.integer(column++));
  if (!row.is_null(column)) recurring.due = from_epoch_ms(row.integer(column));
  ++column;
  const Code code = code_of(row.text(column++));
  if (std::string message = row.text(column); !message.empty()) recurring.error = Error(code, std::move(message));
  return recurring;
}

Status insert_recurring(db::Connection& connection, const RecurringRun& recurring, const Value& spec) {
  auto count = MR_TRY(connection.prepare("SELECT count(*) FROM kfp_recurring_runs"));
  MR_TRY(count.step());
  if (count.integer(0) >= kMaxRecurringRuns)
    return fail(Code::resource_exhausted,
                fmt::format("there are {} recurring runs already; delete some first", kMaxRecurringRuns));
  const auto due = MR_TRY(due_after(recurring, std::nullopt));
  auto row = MR_TRY(connection.prepare(fmt::format(
      "INSERT INTO kfp_recurring_runs({}) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0,0,?,'','')", kRecurringColumns)));
  row.bind_all(recurring.id, recurring.name, recurring.description, recurring.resource_name, recurring.experiment_id,
               recurring.pipeline_id, recurring.version_id, recurring.pipeline_name, recurring.service_account,
               to_json(recurring.runtime_config), to_json(recurring.trigger), recurring.max_concurrency,
               recurring.no_catchup, recurring.enabled, to_epoch_ms(recurring.created), to_epoch_ms(recurring.updated),
               milliseconds(due));
  MR_TRY(row.run());
  if (spec.is_null()) return {};
  auto text = MR_TRY(connection.prepare("INSERT INTO kfp_recurring_run_specs(recurring_run_id, spec) VALUES(?,?)"));
  return text.bind_all(recurring.id, to_json(spec)).run();
}

Result<std::optional<RecurringRun>> find_recurring(db::Connection& connection, const std::string& id) {
  auto row =
      MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_recurring_runs WHERE id = ?", kRecurringColumns)));
  if (!MR_TRY(row.bind_all(id).step())) return std::optional<RecurringRun>();
  return std::optional<RecurringRun>(recurring_from_row(row));
}

Result<Value> read_recurring_spec(db::Connection& connection, const std::string& id) {
  auto row = MR_TRY(connection.prepare("SELECT spec FROM kfp_recurring_run_specs WHERE recurring_run_id = ?"));
  if (!MR_TRY(row.bind_all(id).step())) return Value();
  return parse_json(row.text(0));
}

Status set_enabled(db::Connection& connection, const std::string& id, bool enabled, Time now) {
  auto row = MR_TRY(connection.prepare("UPDATE kfp_recurring_runs SET enabled = ?, updated = ? WHERE id = ?"));
  return row.bind_all(enabled, to_epoch_ms(now), id).run();
}

Status disable_experiment(db::Connection& connection, const std::string& experiment_id, Time now) {
  auto row = MR_TRY(connection.prepare(
      "UPDATE kfp_recurring_runs SET enabled = 0, updated = ? WHERE experiment_id = ? AND enabled = 1"));
  return row.bind_all(to_epoch_ms(now), experiment_id).run();
}

Status delete_recurring(db::Connection& connection, const std::string& id) {
  for (const std::string_view sql : {"DELETE FROM kfp_recurring_runs WHERE id = ?",
                                     "DELETE FROM kfp_recurring_run_specs WHERE recurring_run_id = ?"}) {
    auto statement = MR_TRY(connection.prepare(sql));
    MR_TRY(statement.bind_all(id).run());
  }
  return {};
}

Result<std::vector<std::string>> due_recurring(db::Connection& connection, Time now) {
  std::vector<std::string> ids;
  auto row =
      MR_TRY(connection.prepare("SELECT id FROM kfp_recurring_runs WHERE enabled = 1 AND due IS NOT NULL AND due <= ? "
                                "ORDER BY due, id"));
  row.bind_all(to_epoch_ms(now));
  while (MR_TRY(row.step())) ids.push_back(row.text(0));
  return ids;
}

Result<std::optional<Time>> next_due(db::Connection& connection, Time now) {
  auto row =
      MR_TRY(connection.prepare("SELECT due FROM kfp_recurring_runs WHERE enabled = 1 AND due IS NOT NULL AND due > ? "
                                "ORDER BY due, id LIMIT 1"));
  if (!MR_TRY(row.bind_all(to_epoch_ms(now)).step())) return std::optional<Time>();
  return std::optional<Time>(from_epoch_ms(row.integer(0)));
}

Result<std::int64_t> count_under_way(db::Connection& connection, const std::string& id) {
  // The second condition is the index's.
  auto row = MR_TRY(connection.prepare(
      "SELECT count(*) FROM kfp_runs WHERE recurring_run_id = ? AND recurring_run_id <> '' AND finished = 0"));
  MR_TRY(row.bind_all(id).step());
  return row.integer(0);
}

Status take_index(db::Connection& connection, const RecurringRun& recurring, std::int64_t index, Time scheduled) {
  auto row = MR_TRY(connection.prepare(
      "UPDATE kfp_recurring_runs SET last_index = ?, last_scheduled = ?, error_code = '', error = '', due = ? "
      "WHERE id = ? AND last_index = ? AND enabled = 1"));
  const auto due = MR_TRY(due_after(recurring, scheduled));
  MR_TRY(row.bind_all(index, to_epoch_ms(scheduled), milliseconds(due), recurring.id, index - 1).run());
  if (connection.changes() == 1) return {};
  return fail(Code::aborted, fmt::format("the recurring run {} was changed meanwhile", recurring.id));
}

Status refresh_due(db::Connection& connection, const std::shared_ptr<const TimeZone>& zone) {
  std::vector<RecurringRun> others;
  auto row = MR_TRY(
      connection.prepare(fmt::format("SELECT {} FROM kfp_recurring_runs WHERE due IS NOT NULL", kRecurringColumns)));
  while (MR_TRY(row.step())) {
    RecurringRun recurring = recurring_from_row(row);
    if (!recurring.trigger.has("cron_schedule")) continue;
    recurring.zone = zone;
    const auto last = recurring.last_index > 0 ? std::optional(recurring.last_scheduled) : std::nullopt;
    const auto due = due_after(recurring, last);
    if (!due || *due == recurring.due) continue;  // one that cannot be read says so when it is due
    recurring.due = *due;
    others.push_back(std::move(recurring));
  }
  for (const RecurringRun& recurring : others) {
    auto update = MR_TRY(connection.prepare("UPDATE kfp_recurring_runs SET due = ? WHERE id = ?"));
    MR_TRY(update.bind_all(milliseconds(recurring.due), recurring.id).run());
  }
  return {};
}

Status note_error(db::Connection& connection, const std::string& id, const Error& error) {
  auto row = MR_TRY(connection.prepare("UPDATE kfp_recurring_runs SET error_code = ?, error = ? WHERE id = ?"));
  return row.bind_all(code_name(error.code), error.message, id).run();
}

}  // namespace millrace::pipelines::schedule
