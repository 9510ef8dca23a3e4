#include <array>

#include <fmt/core.h>

#include "base/ids.h"
#include "db/dialect.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/operations.h"
#include "pipelines/schedule/recurring_rows.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::string_view kDefaultName = "Default";
constexpr std::string_view kColumns = "id, name, description, namespace, created, last_run_created, storage_state";
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"experiment_id", "id"},
                                Field{"id", "id"},
                                Field{"display_name", kNameColumn},
                                Field{"name", kNameColumn},
                                Field{"description", "description"},
                                Field{"namespace", "namespace"},
                                Field{"storage_state", "storage_state", FieldType::word},
                                Field{"last_run_created_at", "last_run_created", FieldType::time}};

Value message_from(const db::Statement& row) {
  Value message = Value::object({{"experiment_id", row.text(0)}, {"display_name", row.text(1)}});
  message.set_if(!row.text(2).empty(), "description", row.text(2));
  message.set_if(!row.text(3).empty(), "namespace", row.text(3));
  message.set("created_at", format_rfc3339(from_epoch_ms(row.integer(4))));
  // Upstream gives 1970 where there was no run.
  message.set("last_run_created_at", format_rfc3339(from_epoch_ms(row.integer(5))));
  message.set("storage_state", row.text(6));
  return message;
}

Result<Value> find(db::Connection& connection, const std::string& id) {
  auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_experiments WHERE id = ?", kColumns)));
  if (!MR_TRY(row.bind_all(id).step())) return fail(not_found("Experiment", id));
  return message_from(row);
}

Status insert(db::Connection& connection, const std::string& id, std::string_view name, std::string_view description,
              std::string_view name_space, Time created) {
  auto taken = MR_TRY(connection.prepare("SELECT 1 FROM kfp_experiments WHERE name = ?" MR_SQL_ANY_CASE));
  if (MR_TRY(taken.bind_all(name).step()))
    return fail(Code::already_exists, fmt::format("an experiment named \"{}\" already exists", name));
  auto row = MR_TRY(connection.prepare(
      "INSERT INTO kfp_experiments(id, name, description, namespace, created, last_run_created, storage_state) "
      "VALUES(?,?,?,?,?,0,'AVAILABLE')"));
  return row.bind_all(id, name, description, name_space, to_epoch_ms(created)).run();
}

Status change(db::Database& database, const std::string& id, std::initializer_list<std::string_view> statements,
              const db::Database::Work& also = {}) {
  return database.write([&](db::Connection& connection) -> Status {
    MR_TRY(find(connection, id));
    for (const std::string_view sql : statements) {
      auto statement = MR_TRY(connection.prepare(sql));
      MR_TRY(statement.bind_all(id).run());
    }
    return also ? also(connection) : Status();
  });
}

}  // namespace

Status ensure_default_experiment(db::Database& database, const Clock& clock) {
  return database.write([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare("SELECT 1 FROM kfp_experiments WHERE name = ?"));
    if (MR_TRY(row.bind_all(kDefaultName).step())) return {};
    return insert(connection, uuid4(), kDefaultName, "", "", clock.now());
  });
}

Result<std::string> resolve_experiment(db::Database& database, const std::string& id) {
  std::string found;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(id.empty() ? "SELECT id FROM kfp_experiments WHERE name = ?"
                                                    : "SELECT id FROM kfp_experiments WHERE id = ?"));
    row.bind_all(id.empty() ? kDefaultName : std::string_view(id));
    if (!MR_TRY(row.step())) return fail(not_found("Experiment", id.empty() ? kDefaultName : std::string_view(id)));
    found = row.text(0);
    return {};
  }));
  return found;
}

Status check_listed(Context& context, const Value& answer, const std::string& experiment_id) {
  if (!experiment_id.empty() && !answer.has("total_size")) MR_TRY(resolve_experiment(context.database, experiment_id));
  return {};
}

Result<Value> create_experiment(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(call, "Experiment",
                                      {"experiment_id", "display_name", "description", "created_at", "namespace",
                                       "storage_state", "last_run_created_at"}));
  const std::string name = MR_TRY(text_field(body, "display_name"));
  if (name.empty()) return fail(Code::invalid_argument, "the experiment needs a display_name");
  if (name.size() > kMaxName)
    return fail(Code::invalid_argument, fmt::format("display_name is longer than {} bytes", kMaxName));
  const std::string description = MR_TRY(text_field(body, "description"));
  MR_TRY(text_field(body, "namespace"));  // one user, as upstream's single-user mode: it is not kept
  const std::string id = uuid4();
  Value made;
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(insert(connection, id, name, description, "", context.clock.now()));
    made = MR_TRY(find(connection, id));
    return {};
  }));
  return made;
}

Result<Value> list_experiments(Context& context, const Call& call) {
  return list(context.database, call, {"Experiment", "kfp_experiments", kColumns, kFields, "experiments", {}},
              message_from);
}

Result<Value> get_experiment(Context& context, const Call& call) {
  Value message;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    message = MR_TRY(find(connection, call.id()));
    return {};
  }));
  return message;
}

Result<Value> delete_experiment(Context& context, const Call& call) {
  MR_TRY(change(context.database, call.id(), {"DELETE FROM kfp_experiments WHERE id = ?"}));
  MR_TRY(ensure_default_experiment(context.database, context.clock));
  return Value::object();
}

Result<Value> archive_experiment(Context& context, const Call& call) {
  MR_TRY(change(context.database, call.id(),
                {"UPDATE kfp_experiments SET storage_state = 'ARCHIVED' WHERE id = ?",
                 "UPDATE kfp_runs SET storage_state = 'ARCHIVED' WHERE experiment_id = ?"},
                [&](db::Connection& connection) {
                  return schedule::disable_experiment(connection, call.id(), context.clock.now());
                }));
  return Value::object();
}

Result<Value> unarchive_experiment(Context& context, const Call& call) {
  MR_TRY(change(context.database, call.id(), {"UPDATE kfp_experiments SET storage_state = 'AVAILABLE' WHERE id = ?"}));
  return Value::object();
}

}  // namespace millrace::pipelines::api
