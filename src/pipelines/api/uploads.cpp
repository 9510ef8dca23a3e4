#include "base/ids.h"
#include "pipelines/api/package_file.h"
#include "pipelines/api/pipeline_rows.h"
#include "pipelines/api/tags.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxUpload = 33u << 20;  // 32 MiB and the form around it

Result<UploadedFile> read_upload(const Call& call) {
  auto body = call.request.body->read_all(kMaxUpload);
  if (!body && body.error().code == Code::resource_exhausted)
    return fail(Code::invalid_argument, "a pipeline file may have 32 MiB at most");
  return read_form(call.request.headers.get("Content-Type"), MR_TRY(Result<std::string>(std::move(body))));
}

std::string first_given(std::initializer_list<std::string> names) {
  for (const std::string& name : names) {
    if (!name.empty()) return name;
  }
  return {};
}

}  // namespace

Result<Value> upload_pipeline(Context& context, const Call& call) {
  const UploadedFile file = MR_TRY(read_upload(call));
  PipelineRow pipeline;
  pipeline.id = uuid4();
  pipeline.display_name = call.parameter("display_name");
  pipeline.name = first_given({call.parameter("name"), pipeline.display_name, file.name});
  pipeline.description = call.parameter("description");
  pipeline.tags = MR_TRY(parse_tags(call.parameter("tags")));
  pipeline.created = context.clock.now();
  Version version;
  version.id = uuid4();
  version.code_source_url = call.parameter("code_source_url");
  version.spec = MR_TRY(read_pipeline(file));
  return store_pipeline(context, std::move(pipeline), std::move(version));
}

Result<Value> upload_version(Context& context, const Call& call) {
  Version version;
  version.pipeline_id = call.parameter("pipelineid");
  if (version.pipeline_id.empty()) return fail(Code::invalid_argument, "the query parameter pipelineid is missing");
  const UploadedFile file = MR_TRY(read_upload(call));
  version.id = uuid4();
  version.display_name = call.parameter("display_name");
  version.name = first_given({call.parameter("name"), version.display_name, file.name});
  version.description = call.parameter("description");
  version.code_source_url = call.parameter("code_source_url");
  version.tags = MR_TRY(parse_tags(call.parameter("tags")));
  version.created = context.clock.now();
  version.spec = MR_TRY(read_pipeline(file));
  return store_version(context, version);
}

}  // namespace millrace::pipelines::api
