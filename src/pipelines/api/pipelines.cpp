#include <array>

#include <fmt/core.h>

#include "base/ids.h"
#include "base/json.h"
#include "db/dialect.h"
#include "pipelines/api/access.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/pipeline_rows.h"
#include "pipelines/api/tags.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::string_view kColumns = "id, name, display_name, description, created, tags";
// There is one user here, as upstream is in its single-user mode: what a namespace says is not kept, and asks nothing.
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"pipeline_id", "id"},
                                Field{"id", "id"},
                                Field{"name", kNameColumn},
                                Field{"display_name", kDisplayNameColumn},
                                Field{"description", "description"},
                                Field{"namespace", "''"},
                                Field{"tags", "tags", FieldType::tags}};

Value message_from(const db::Statement& row) {
  Value message = Value::object({{"pipeline_id", row.text(0)}, {"display_name", row.text(2)}, {"name", row.text(1)}});
  message.set_if(!row.text(3).empty(), "description", row.text(3));
  message.set("created_at", format_rfc3339(from_epoch_ms(row.integer(4))));
  Value tags = stored_tags(row.text(5));
  if (!tags.empty()) message.set("tags", std::move(tags));
  return message;
}

Result<Value> find_by(db::Database& database, std::string_view column, const std::string& key) {
  Value message;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_pipelines WHERE {} = ?", kColumns, column)));
    if (!MR_TRY(row.bind_all(key).step())) return fail(not_found("Pipeline", key));
    message = message_from(row);
    return {};
  }));
  return message;
}

}  // namespace

Result<Value> read_pipeline_message(const Value& value) {
  return read_message(
      value, "Pipeline",
      {"pipeline_id", "name", "display_name", "description", "created_at", "namespace", "error", "tags"});
}

Result<PipelineRow> pipeline_from(const Value& message, const Clock& clock) {
  PipelineRow pipeline;
  pipeline.id = uuid4();
  pipeline.display_name = MR_TRY(text_field(message, "display_name"));
  pipeline.name = MR_TRY(text_field(message, "name"));
  if (pipeline.name.empty()) pipeline.name = pipeline.display_name;
  pipeline.description = MR_TRY(text_field(message, "description"));
  MR_TRY(text_field(message, "namespace"));
  pipeline.tags = MR_TRY(check_tags(message["tags"]));
  pipeline.created = clock.now();
  return pipeline;
}

Result<Value> find_pipeline(db::Connection& connection, const std::string& id) {
  auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_pipelines WHERE id = ?", kColumns)));
  if (!MR_TRY(row.bind_all(id).step())) return fail(not_found("Pipeline", id));
  return message_from(row);
}

Status check_pipeline_name(const std::string& name) {
  if (name.empty()) return fail(Code::invalid_argument, "the pipeline needs a name");
  if (name.size() > kMaxName)
    return fail(Code::invalid_argument, fmt::format("the pipeline's name is longer than {} bytes", kMaxName));
  return {};
}

Status insert_pipeline(db::Connection& connection, const PipelineRow& pipeline) {
  auto taken = MR_TRY(connection.prepare("SELECT 1 FROM kfp_pipelines WHERE name = ?" MR_SQL_ANY_CASE));
  if (MR_TRY(taken.bind_all(pipeline.name).step()))
    return fail(Code::already_exists, fmt::format("a pipeline named \"{}\" already exists", pipeline.name));
  auto row = MR_TRY(
      connection.prepare("INSERT INTO kfp_pipelines(id, name, display_name, description, namespace, created, tags) "
                         "VALUES(?,?,?,?,'',?,?)"));
  return row
      .bind_all(pipeline.id, pipeline.name, pipeline.display_name.empty() ? pipeline.name : pipeline.display_name,
                pipeline.description, to_epoch_ms(pipeline.created), to_json(pipeline.tags))
      .run();
}

Status check_unchanged(const Value& given, const Value& stored, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (given.has(name) && !(given[name] == stored[name])) {
      return fail(Code::invalid_argument,
                  fmt::format("{} cannot be changed; display_name and tags can be, leave it out", name));
    }
  }
  return {};
}

Result<Value> create_pipeline(Context& context, const Call& call) {
  const Value body = MR_TRY(read_pipeline_message(MR_TRY(read_json(call))));
  const PipelineRow pipeline = MR_TRY(pipeline_from(body, context.clock));
  MR_TRY(check_pipeline_name(pipeline.name));
  Value message;
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(insert_pipeline(connection, pipeline));
    MR_TRY(note_pipeline(connection, context.caller, pipeline.id));
    message = MR_TRY(find_pipeline(connection, pipeline.id));
    return {};
  }));
  return message;
}

Result<Value> store_pipeline(Context& context, PipelineRow pipeline, Version first) {
  MR_TRY(check_pipeline_name(pipeline.name));
  MR_TRY(check_version_name(pipeline.name));
  if (pipeline.display_name.empty()) pipeline.display_name = pipeline.name;
  first.pipeline_id = pipeline.id;
  first.name = pipeline.name;
  first.display_name = pipeline.display_name;
  first.description = pipeline.description;
  first.created = pipeline.created;
  Value message;
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(insert_pipeline(connection, pipeline));
    MR_TRY(note_pipeline(connection, context.caller, pipeline.id));
    MR_TRY(insert_version(connection, first));
    message = MR_TRY(find_pipeline(connection, pipeline.id));
    return {};
  }));
  return message;
}

Result<Value> update_pipeline(Context& context, const Call& call) {
  const Value body = MR_TRY(read_pipeline_message(MR_TRY(read_json(call))));
  const std::string display_name = MR_TRY(text_field(body, "display_name"));
  const Value tags = MR_TRY(check_tags(body["tags"]));
  if (!display_name.empty()) MR_TRY(check_pipeline_name(display_name));
  Value message;
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    const Value stored = MR_TRY(find_pipeline(connection, call.id()));
    MR_TRY(check_unchanged(body, stored, {"pipeline_id", "name", "description"}));
    if (!display_name.empty()) {
      auto row = MR_TRY(connection.prepare("UPDATE kfp_pipelines SET display_name = ? WHERE id = ?"));
      MR_TRY(row.bind_all(display_name, call.id()).run());
    }
    if (body.has("tags")) {  // an empty map takes all away
      auto row = MR_TRY(connection.prepare("UPDATE kfp_pipelines SET tags = ? WHERE id = ?"));
      MR_TRY(row.bind_all(to_json(tags), call.id()).run());
    }
    message = MR_TRY(find_pipeline(connection, call.id()));
    return {};
  }));
  return message;
}

Result<Value> list_pipelines(Context& context, const Call& call) {
  return list(context.database, call, {"Pipeline", "kfp_pipelines", kColumns, kFields, "pipelines", {}}, message_from);
}

Result<Value> get_pipeline(Context& context, const Call& call) { return find_by(context.database, "id", call.id()); }

Result<Value> get_pipeline_by_name(Context& context, const Call& call) {
  return find_by(context.database, kNameColumn, call.id("name"));
}

Result<Value> delete_pipeline(Context& context, const Call& call) {
  const bool cascade = MR_TRY(flag(call, "cascade"));
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(find_pipeline(connection, call.id()));
    auto versions = MR_TRY(connection.prepare("SELECT count(*) FROM kfp_pipeline_versions WHERE pipeline_id = ?"));
    MR_TRY(versions.bind_all(call.id()).step());
    if (versions.integer(0) > 0 && !cascade) {
      return fail(Code::invalid_argument,
                  fmt::format("the pipeline {} has {} versions; delete them first, or ask with cascade=true", call.id(),
                              versions.integer(0)));
    }
    for (const std::string_view sql :
         {"DELETE FROM kfp_pipeline_versions WHERE pipeline_id = ?", "DELETE FROM kfp_pipelines WHERE id = ?"}) {
      auto row = MR_TRY(connection.prepare(sql));
      MR_TRY(row.bind_all(call.id()).run());
    }
    return {};
  }));
  return Value::object();
}

}  // namespace millrace::pipelines::api
