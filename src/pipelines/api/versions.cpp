#include <array>

#include <fmt/core.h>

#include "base/json.h"
#include "db/dialect.h"
#include "pipelines/api/access.h"
#include "pipelines/api/listing.h"
#include "pipelines/api/pipeline_rows.h"
#include "pipelines/api/tags.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxName = 127;
constexpr std::string_view kColumns =
    "id, pipeline_id, name, display_name, description, created, code_source_url, tags, package_url, spec";
constexpr std::array kFields = {Field{"created_at", "created", FieldType::time},
                                Field{"pipeline_version_id", "id"},
                                Field{"id", "id"},
                                Field{"pipeline_id", "pipeline_id"},
                                Field{"name", kNameColumn},
                                Field{"display_name", kDisplayNameColumn},
                                Field{"description", "description"},
                                Field{"code_source_url", "code_source_url"},
                                Field{"pipeline_spec", "spec"},
                                Field{"status", "'READY'"},  // upstream's others last while a version is being made
                                Field{"tags", "tags", FieldType::tags}};

Version version_from(const db::Statement& row) {
  Version version;
  version.id = row.text(0);
  version.pipeline_id = row.text(1);
  version.name = row.text(2);
  version.display_name = row.text(3);
  version.description = row.text(4);
  version.created = from_epoch_ms(row.integer(5));
  version.code_source_url = row.text(6);
  version.tags = stored_tags(row.text(7));
  version.package_url = row.text(8);
  if (auto spec = parse_json(row.text(9))) version.spec = std::move(*spec);
  return version;
}

}  // namespace

Result<Value> read_version_message(const Value& value) {
  return read_message(value, "PipelineVersion",
                      {"pipeline_id", "pipeline_version_id", "name", "display_name", "description", "created_at",
                       "package_url", "code_source_url", "pipeline_spec", "error", "tags"});
}

Status check_version_name(const std::string& name) {
  if (name.empty()) return fail(Code::invalid_argument, "the version needs a name");
  if (name.size() > kMaxName)
    return fail(Code::invalid_argument, fmt::format("the version's name is longer than {} bytes", kMaxName));
  return {};
}

Status insert_version(db::Connection& connection, const Version& version) {
  auto taken = MR_TRY(
      connection.prepare("SELECT 1 FROM kfp_pipeline_versions WHERE pipeline_id = ? AND name = ?" MR_SQL_ANY_CASE));
  if (MR_TRY(taken.bind_all(version.pipeline_id, version.name).step()))
    return fail(Code::already_exists, fmt::format("the pipeline has a version named \"{}\" already", version.name));
  auto row = MR_TRY(connection.prepare(
      "INSERT INTO kfp_pipeline_versions(id, pipeline_id, name, display_name, description, created, code_source_url, "
      "tags, package_url, spec) VALUES(?,?,?,?,?,?,?,?,?,?)"));
  return row
      .bind_all(version.id, version.pipeline_id, version.name,
                version.display_name.empty() ? version.name : version.display_name, version.description,
                to_epoch_ms(version.created), version.code_source_url, to_json(version.tags), version.package_url,
                to_json(version.spec))
      .run();
}

Result<Value> store_version(Context& context, const Version& version) {
  MR_TRY(check_version_name(version.name));
  Value message;
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(find_pipeline(connection, version.pipeline_id));
    MR_TRY(check_pipeline_family(connection, context.caller, version.pipeline_id));
    MR_TRY(insert_version(connection, version));
    message = to_message(MR_TRY(find_version(connection, version.pipeline_id, version.id)));
    return {};
  }));
  return message;
}

Result<Version> find_version(db::Connection& connection, const std::string& pipeline_id,
                             const std::string& version_id) {
  auto row = MR_TRY(connection.prepare(
      version_id.empty() ? fmt::format("SELECT {} FROM kfp_pipeline_versions WHERE pipeline_id = ? "
                                       "ORDER BY created DESC, id DESC LIMIT 1",
                                       kColumns)
                         : fmt::format("SELECT {} FROM kfp_pipeline_versions WHERE id = ?", kColumns)));
  if (MR_TRY(row.bind_all(version_id.empty() ? pipeline_id : version_id).step())) return version_from(row);
  if (!version_id.empty()) return fail(not_found("PipelineVersion", version_id));
  auto pipeline = MR_TRY(connection.prepare("SELECT 1 FROM kfp_pipelines WHERE id = ?"));
  if (!MR_TRY(pipeline.bind_all(pipeline_id).step())) return fail(not_found("Pipeline", pipeline_id));
  return fail(Code::not_found, fmt::format("the pipeline {} has no version; upload one", pipeline_id));
}

Value to_message(const Version& version) {
  Value message = Value::object({{"pipeline_id", version.pipeline_id},
                                 {"pipeline_version_id", version.id},
                                 {"display_name", version.display_name},
                                 {"name", version.name}});
  message.set_if(!version.description.empty(), "description", version.description);
  message.set("created_at", format_rfc3339(version.created));
  if (!version.package_url.empty()) message.set("package_url", Value::object({{"pipeline_url", version.package_url}}));
  message.set_if(!version.code_source_url.empty(), "code_source_url", version.code_source_url);
  message.set("pipeline_spec", version.spec);
  if (!version.tags.empty()) message.set("tags", version.tags);
  return message;
}

Result<Value> list_versions(Context& context, const Call& call) {
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    MR_TRY(find_pipeline(connection, call.id()));
    return {};
  }));
  Listing listing{"PipelineVersion", "kfp_pipeline_versions", kColumns, kFields, "pipeline_versions", {}};
  listing.where.emplace_back("pipeline_id", call.id());
  return list(context.database, call, listing, [](const db::Statement& row) { return to_message(version_from(row)); });
}

Result<Value> get_version(Context& context, const Call& call) {
  Value message;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    message = to_message(MR_TRY(find_version(connection, call.id(), call.id("version"))));
    return {};
  }));
  return message;
}

Result<Value> update_version(Context& context, const Call& call) {
  const Value body = MR_TRY(read_version_message(MR_TRY(read_json(call))));
  const std::string display_name = MR_TRY(text_field(body, "display_name"));
  const Value tags = MR_TRY(check_tags(body["tags"]));
  if (!display_name.empty()) MR_TRY(check_version_name(display_name));
  Value message;
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    const Version stored = MR_TRY(find_version(connection, call.id(), call.id("version")));
    MR_TRY(check_unchanged(body, to_message(stored),
                           {"pipeline_id", "pipeline_version_id", "name", "description", "package_url",
                            "code_source_url", "pipeline_spec"}));
    if (!display_name.empty()) {
      auto row = MR_TRY(connection.prepare("UPDATE kfp_pipeline_versions SET display_name = ? WHERE id = ?"));
      MR_TRY(row.bind_all(display_name, stored.id).run());
    }
    if (body.has("tags")) {  // an empty map takes all away
      auto row = MR_TRY(connection.prepare("UPDATE kfp_pipeline_versions SET tags = ? WHERE id = ?"));
      MR_TRY(row.bind_all(to_json(tags), stored.id).run());
    }
    message = to_message(MR_TRY(find_version(connection, call.id(), stored.id)));
    return {};
  }));
  return message;
}

Result<Value> delete_version(Context& context, const Call& call) {
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    const Version version = MR_TRY(find_version(connection, call.id(), call.id("version")));
    auto row = MR_TRY(connection.prepare("DELETE FROM kfp_pipeline_versions WHERE id = ?"));
    return row.bind_all(version.id).run();
  }));
  return Value::object();
}

}  // namespace millrace::pipelines::api
