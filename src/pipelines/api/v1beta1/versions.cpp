#include "base/json.h"
#include "base/time.h"
#include "pipelines/api/v1beta1/operations.h"

namespace millrace::pipelines::api::v1beta1 {
namespace {

Result<Version> find(Context& context, const std::string& id) {
  Version version;
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    version = MR_TRY(find_version(connection, "", id));
    return {};
  }));
  return version;
}

// The version of an answer of v2beta1.
Result<Value> again(Context& context, const Value& message) {
  return to_v1(MR_TRY(find(context, message["pipeline_version_id"].string_or())));
}

}  // namespace

Value to_v1(const Version& version) {
  Value message = Value::object({{"id", version.id}, {"name", version.display_name}});
  message.set("created_at", format_rfc3339(version.created));
  Value parameters = declared_parameters(version.spec);
  if (!parameters.empty()) message.set("parameters", std::move(parameters));
  message.set_if(!version.code_source_url.empty(), "code_source_url", version.code_source_url);
  if (!version.package_url.empty()) message.set("package_url", Value::object({{"pipeline_url", version.package_url}}));
  message.set_if(!version.description.empty(), "description", version.description);
  return message.set("resource_references",
                     Value::array({resource_reference("PIPELINE", version.pipeline_id, "OWNER")}));
}

Result<Value> create_version(Context& context, const Call& call) {
  const Value body = MR_TRY(read_body(call, "PipelineVersion",
                                      {"id", "name", "created_at", "parameters", "code_source_url", "package_url",
                                       "resource_references", "description"}));
  const std::string pipeline = MR_TRY(referenced(body, "PIPELINE"));
  if (pipeline.empty()) return fail(Code::invalid_argument, "the version names no pipeline in its resource_references");
  const std::string name = MR_TRY(text_field(body, "name"));
  Inner inner(call, Value::object({{"pipeline_id", pipeline},
                                   {"name", name},
                                   {"display_name", name},
                                   {"description", MR_TRY(text_field(body, "description"))},
                                   {"code_source_url", MR_TRY(text_field(body, "code_source_url"))},
                                   {"package_url", body["package_url"]}}));
  inner.call.path["id"] = pipeline;
  return again(context, MR_TRY(api::create_version(context, inner.call)));
}

Result<Value> list_versions(Context& context, const Call& call) {
  const std::string pipeline = call.parameter("resource_key.id");
  if (pipeline.empty())
    return fail(Code::invalid_argument,
                "the query parameters resource_key.type=PIPELINE and resource_key.id are missing");
  Inner inner(call);
  inner.call.query = MR_TRY(list_query(call));
  inner.call.path["id"] = pipeline;
  Value answer = MR_TRY(api::list_versions(context, inner.call));
  Value versions = Value::array();
  for (const Value& version : answer["pipeline_versions"].items()) versions.push(MR_TRY(again(context, version)));
  answer.erase("pipeline_versions");
  if (!versions.empty()) answer.set("versions", std::move(versions));
  return answer;
}

Result<Value> get_version(Context& context, const Call& call) {
  return to_v1(MR_TRY(find(context, call.id("version"))));
}

Result<Value> delete_version(Context& context, const Call& call) {
  Inner inner(call);
  inner.call.path["id"] = MR_TRY(find(context, call.id("version"))).pipeline_id;
  return api::delete_version(context, inner.call);
}

Result<Value> upload_version(Context& context, const Call& call) {
  return again(context, MR_TRY(api::upload_version(context, call)));
}

Result<Value> get_version_template(Context& context, const Call& call) {
  return Value::object({{"template", to_json(MR_TRY(find(context, call.id("version"))).spec)}});
}

}  // namespace millrace::pipelines::api::v1beta1
