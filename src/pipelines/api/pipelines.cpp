#include <array>

#include <fmt/core.h>

#include "base/ids.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/pipeline_rows.h"
#include "pipelines/runner/bind.h"

namespace millrace::pipelines::api {
namespace {

using runner::bind_all;

constexpr std::size_t kMaxName = 128;
constexpr std::string_view kColumns = "id, name, display_name, description, namespace, created";
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"pipeline_id", "id"},
                                Field{"id", "id"},
                                Field{"name", "name"},
                                Field{"display_name", "display_name"},
                                Field{"description", "description"},
                                Field{"namespace", "namespace"}};

Value message_from(const db::Statement& row) {
  Value message = Value::object({{"pipeline_id", row.text(0)}, {"name", row.text(1)}, {"display_name", row.text(2)}});
  message.set_if(!row.text(3).empty(), "description", row.text(3));
  message.set_if(!row.text(4).empty(), "namespace", row.text(4));
  message.set("created_at", format_rfc3339(from_epoch_ms(row.integer(5))));
  return message;
}

Result<Value> find_by(db::Database& database, std::string_view column, const std::string& key) {
  Value message;
  MR_TRY(database.read([&](db::Connection& connection) -> Status {
    auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_pipelines WHERE {} = ?", kColumns, column)));
    if (!MR_TRY(bind_all(row, key).step())) return fail(not_found("Pipeline", key));
    message = message_from(row);
    return {};
  }));
  return message;
}

}  // namespace

Result<Value> find_pipeline(db::Connection& connection, const std::string& id) {
  auto row = MR_TRY(connection.prepare(fmt::format("SELECT {} FROM kfp_pipelines WHERE id = ?", kColumns)));
  if (!MR_TRY(bind_all(row, id).step())) return fail(not_found("Pipeline", id));
  return message_from(row);
}

Status check_pipeline_name(const std::string& name) {
  if (name.empty()) return fail(Code::invalid_argument, "the pipeline needs a name");
  if (name.size() > kMaxName)
    return fail(Code::invalid_argument, fmt::format("the pipeline's name is longer than {} bytes", kMaxName));
  return {};
}

Status insert_pipeline(db::Connection& connection, const PipelineRow& pipeline) {
  auto row = MR_TRY(
      connection.prepare("INSERT INTO kfp_pipelines(id, name, display_name, description, namespace, created, tags) "
                         "VALUES(?,?,?,?,?,?,'{}')"));
  return bind_all(row, pipeline.id, pipeline.name,
                  pipeline.display_name.empty() ? pipeline.name : pipeline.display_name, pipeline.description,
                  pipeline.name_space, to_epoch_ms(pipeline.created))
      .run();
}

Result<Value> create_pipeline(Context& context, const Call& call) {
  const Value body = MR_TRY(
      read_body(call, "Pipeline",
                {"pipeline_id", "name", "display_name", "description", "created_at", "namespace", "error", "tags"}));
  if (!body["tags"].empty()) return fail(Code::unimplemented, "tags of pipelines are not served yet; leave them out");
  PipelineRow pipeline;
  pipeline.id = uuid4();
  pipeline.display_name = MR_TRY(text_field(body, "display_name"));
  pipeline.name = MR_TRY(text_field(body, "name"));
  if (pipeline.name.empty()) pipeline.name = pipeline.display_name;
  MR_TRY(check_pipeline_name(pipeline.name));
  pipeline.description = MR_TRY(text_field(body, "description"));
  pipeline.name_space = MR_TRY(text_field(body, "namespace"));
  pipeline.created = context.clock.now();
  const Status written =
      context.database.write([&](db::Connection& connection) { return insert_pipeline(connection, pipeline); });
  if (!written && written.error().code == Code::already_exists)
    return fail(Code::already_exists, fmt::format("a pipeline named \"{}\" already exists", pipeline.name));
  MR_TRY(Status(written));
  return find_by(context.database, "id", pipeline.id);
}

Result<Value> list_pipelines(Context& context, const Call& call) {
  Listing listing{"Pipeline", "kfp_pipelines", kColumns, kFields, "pipelines", {}};
  if (const std::string name_space = call.parameter("namespace"); !name_space.empty())
    listing.where.emplace_back("namespace", name_space);
  return list(context.database, call, listing, message_from);
}

Result<Value> get_pipeline(Context& context, const Call& call) { return find_by(context.database, "id", call.id()); }

Result<Value> get_pipeline_by_name(Context& context, const Call& call) {
  return find_by(context.database, "name", call.id("name"));
}

Result<Value> delete_pipeline(Context& context, const Call& call) {
  const bool cascade = call.parameter("cascade") == "true";
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(find_pipeline(connection, call.id()));
    auto versions = MR_TRY(connection.prepare("SELECT count(*) FROM kfp_pipeline_versions WHERE pipeline_id = ?"));
    MR_TRY(bind_all(versions, call.id()).step());
    if (versions.integer(0) > 0 && !cascade) {
      return fail(Code::failed_precondition,
                  fmt::format("the pipeline {} has {} versions; delete them first, or ask with cascade=true", call.id(),
                              versions.integer(0)));
    }
    for (const std::string_view sql :
         {"DELETE FROM kfp_pipeline_versions WHERE pipeline_id = ?", "DELETE FROM kfp_pipelines WHERE id = ?"}) {
      auto row = MR_TRY(connection.prepare(sql));
      MR_TRY(bind_all(row, call.id()).run());
    }
    return {};
  }));
  return Value::object();
}

}  // namespace millrace::pipelines::api
