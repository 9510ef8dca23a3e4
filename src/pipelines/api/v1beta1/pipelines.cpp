#include <fmt/core.h>

#include "base/json.h"
#include "base/time.h"
#include "pipelines/api/v1beta1/operations.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

// With its default version, where it has one.
Result<Value> to_v1(Context& context, const Value& pipeline) {
  const std::string id = pipeline["pipeline_id"].string_or();
  Value message = Value::object({{"id", id}, {"created_at", pipeline["created_at"]}});
  message.set("name", pipeline["display_name"]);
  if (pipeline.has("description")) message.set("description", pipeline["description"]);
  std::optional<Version> version;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    auto found = default_version(connection, id);
    if (found)
      version = std::move(*found);
    else if (found.error().code != Code::not_found)
      return fail(found.error());
    return {};
  }));
  if (!version) return message;
  Value parameters = declared_parameters(version->spec);
  if (!parameters.empty()) message.set("parameters", std::move(parameters));
  return message.set("default_version", v1beta1::to_v1(*version));
}

}  // namespace

Result<Version> default_version(db::Connection& connection, const std::string& pipeline_id) {
  Version newest = MR_TRY(find_version(connection, pipeline_id, ""));
  auto row = MR_TRY(connection.prepare("SELECT version_id, chosen FROM kfp_v1_default_versions WHERE pipeline_id = ?"));
  if (!MR_TRY(row.bind_all(pipeline_id).step())) return newest;
  // A version that came after the choice is the default again, as upstream has it.
  if (to_epoch_ms(newest.created) > row.integer(1)) return newest;
  auto chosen = find_version(connection, pipeline_id, row.text(0));
  if (chosen) return chosen;
  return newest;
}

Result<Value> create_pipeline(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(call, "Pipeline",
                                      {"id", "created_at", "name", "description", "parameters", "url", "error",
                                       "default_version", "resource_references"}));
  const std::string name = MR_TRY(text_field(body, "name"));
  const Value url = MR_TRY(read_message(body["url"], "url", {"pipeline_url"}));
  Value pipeline = Value::object({{"name", name}, {"display_name", name}});
  pipeline.set("description", MR_TRY(text_field(body, "description")));
  Value version = Value::object({{"name", name}, {"display_name", name}, {"package_url", url}});
  const Inner inner(call, Value::object({{"pipeline", std::move(pipeline)}, {"pipeline_version", std::move(version)}}));
  return to_v1(context, MR_TRY(create_pipeline_and_version(context, inner.call)));
}

Result<Value> list_pipelines(Context& context, const Call& call) {
  Inner inner(call);
  inner.call.query = MR_TRY(list_query(call));
  Value answer = MR_TRY(api::list_pipelines(context, inner.call));
  if (Value* list = answer.find("pipelines"); list != nullptr && list->is_array()) {
    for (Value& pipeline : list->as_array()) pipeline = MR_TRY(to_v1(context, pipeline));
  }
  return answer;
}

Result<Value> get_pipeline(Context& context, const Call& call) {
  return to_v1(context, MR_TRY(api::get_pipeline(context, call)));
}

Result<Value> get_pipeline_by_name(Context& context, const Call& call) {
  return to_v1(context, MR_TRY(api::get_pipeline_by_name(context, call)));
}

Result<Value> delete_pipeline(Context& context, const Call& call) {
  Inner inner(call);
  inner.call.query = {{"cascade", "true"}};  // the older API knows no pipeline that keeps its versions
  return api::delete_pipeline(context, inner.call);
}

Result<Value> upload_pipeline(Context& context, const Call& call) {
  return to_v1(context, MR_TRY(api::upload_pipeline(context, call)));
}

Result<Value> get_pipeline_template(Context& context, const Call& call) {
  Version version;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    version = MR_TRY(default_version(connection, call.id()));
    return {};
  }));
  return Value::object({{"template", to_json(version.spec)}});
}

Result<Value> set_default_version(Context& context, const Call& call) {
  MR_TRY(context.database.write([&](db::Connection& connection) -> Status {
    const Version version = MR_TRY(find_version(connection, call.id(), call.id("version")));
    if (version.pipeline_id != call.id())
      return fail(Code::invalid_argument,
                  fmt::format("the version {} belongs to the pipeline {}", version.id, version.pipeline_id));
    auto row = MR_TRY(connection.prepare(
        "INSERT INTO kfp_v1_default_versions(pipeline_id, version_id, chosen) VALUES(?,?,?) "
        "ON CONFLICT(pipeline_id) DO UPDATE SET version_id = excluded.version_id, chosen = excluded.chosen"));
    return row.bind_all(call.id(), version.id, to_epoch_ms(context.clock.now())).run();
  }));
  return Value::object();
}

}  // namespace millrace::pipelines::api::v1beta1
