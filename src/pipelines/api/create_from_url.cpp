// Pipelines and versions whose file the server fetches: POST /pipelines/create and POST /pipelines/{id}/versions. They
// run on the threads of WaitingRequests.

#include "base/ids.h"
#include "pipelines/api/package_url.h"
#include "pipelines/api/pipeline_rows.h"
#include "pipelines/api/tags.h"

namespace millrace::pipelines::api {
namespace {

// The version's url and what it leads to.
Status fetch(const Context& context, const Value& message, Version& version, std::string& file_name) {
  const Value url = MR_TRY(read_message(message["package_url"], "package_url", {"pipeline_url"}));
  version.package_url = MR_TRY(text_field(url, "pipeline_url"));
  if (version.package_url.empty())
    return fail(Code::invalid_argument, "the version needs a package_url with the pipeline_url of its file");
  UploadedFile file =
      MR_TRY(fetch_package(version.package_url, context.clock, [&] { return context.stopping.load(); }));
  version.spec = MR_TRY(read_pipeline(file));
  file_name = std::move(file.name);
  return {};
}

}  // namespace

Result<Value> create_pipeline_and_version(Context& context, const Call& call) {
  const Value body = MR_TRY(
      read_message(MR_TRY(read_json(call)), "CreatePipelineAndVersionRequest", {"pipeline", "pipeline_version"}));
  PipelineRow pipeline = MR_TRY(pipeline_from(MR_TRY(read_pipeline_message(body["pipeline"])), context.clock));
  const Value message = MR_TRY(read_version_message(body["pipeline_version"]));
  Version version;
  version.id = uuid4();
  version.tags = MR_TRY(check_tags(message["tags"]));
  version.code_source_url = MR_TRY(text_field(message, "code_source_url"));
  std::string file_name;
  MR_TRY(fetch(context, message, version, file_name));
  if (pipeline.name.empty()) pipeline.name = file_name;
  return store_pipeline(context, std::move(pipeline), std::move(version));
}

Result<Value> create_version(Context& context, const Call& call) {
  const Value message = MR_TRY(read_version_message(MR_TRY(read_json(call))));
  Version version;
  version.id = uuid4();
  version.pipeline_id = call.id();
  const std::string pipeline_id = MR_TRY(text_field(message, "pipeline_id"));
  if (pipeline_id != version.pipeline_id) {
    return fail(Code::invalid_argument, pipeline_id.empty()
                                            ? "the version needs the pipeline_id of the address it is sent to"
                                            : "the version's pipeline_id is not that of the address it was sent to");
  }
  version.display_name = MR_TRY(text_field(message, "display_name"));
  version.name = MR_TRY(text_field(message, "name"));
  if (version.name.empty()) version.name = version.display_name;
  version.description = MR_TRY(text_field(message, "description"));
  version.code_source_url = MR_TRY(text_field(message, "code_source_url"));
  version.tags = MR_TRY(check_tags(message["tags"]));
  version.created = context.clock.now();
  MR_TRY(check_version_name(version.name));
  MR_TRY(context.database.read([&](db::Connection& connection) -> Status {
    MR_TRY(find_pipeline(connection, version.pipeline_id));
    return {};
  }));
  std::string file_name;
  MR_TRY(fetch(context, message, version, file_name));
  return store_version(context, version);
}

}  // namespace millrace::pipelines::api
