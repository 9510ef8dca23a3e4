#include <fmt/core.h>

#include "base/ids.h"
#include "pipelines/api/package_file.h"
#include "pipelines/api/pipeline_rows.h"
#include "pipelines/spec/pipeline_spec.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxUpload = 33u << 20;  // 32 MiB and the form around it
constexpr std::size_t kMaxVersionName = 127;

struct Upload {
  std::string file_name;
  Value spec;  // as stored: the IR, or {pipeline_spec, platform_spec}
};

Result<Upload> read_upload(const Call& call) {
  auto body = call.request.body->read_all(kMaxUpload);
  if (!body && body.error().code == Code::resource_exhausted)
    return fail(Code::invalid_argument, "a pipeline file may have 32 MiB at most");
  const UploadedFile file =
      MR_TRY(read_form(call.request.headers.get("Content-Type"), MR_TRY(Result<std::string>(std::move(body)))));
  const std::string text = MR_TRY(unpack(file));
  Package package = MR_TRY(read_package(text));
  MR_TRY(parse_pipeline_spec(package.spec, package.platform));
  Upload upload;
  upload.file_name = file.name;
  upload.spec =
      package.platform.is_null()
          ? std::move(package.spec)
          : Value::object({{"pipeline_spec", std::move(package.spec)}, {"platform_spec", std::move(package.platform)}});
  return upload;
}

Status refuse_tags(const Call& call) {
  if (call.parameter("tags").empty()) return {};
  return fail(Code::unimplemented, "tags of pipelines are not served yet; leave them out");
}

Version version_of(const Call& call, Upload upload, const Clock& clock) {
  Version version;
  version.id = uuid4();
  version.name = call.parameter("name");
  version.display_name = call.parameter("display_name");
  if (version.name.empty()) version.name = version.display_name;
  if (version.name.empty()) version.name = upload.file_name;
  if (version.display_name.empty()) version.display_name = version.name;
  version.description = call.parameter("description");
  version.code_source_url = call.parameter("code_source_url");
  version.created = clock.now();
  version.spec = std::move(upload.spec);
  return version;
}

}  // namespace

Result<Value> upload_pipeline(Context& context, const Call& call) {
  MR_TRY(refuse_tags(call));
  Version version = version_of(call, MR_TRY(read_upload(call)), context.clock);
  MR_TRY(check_pipeline_name(version.name));
  PipelineRow pipeline;
  pipeline.id = version.pipeline_id = uuid4();
  pipeline.name = version.name;
  pipeline.display_name = version.display_name;
  pipeline.description = version.description;
  pipeline.name_space = call.parameter("namespace");
  pipeline.created = version.created;
  Value message;
  const Status written = context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(insert_pipeline(connection, pipeline));
    MR_TRY(insert_version(connection, version));
    message = MR_TRY(find_pipeline(connection, pipeline.id));
    return {};
  });
  if (!written && written.error().code == Code::already_exists) {
    return fail(Code::already_exists,
                fmt::format("a pipeline named \"{}\" already exists; upload this as a version of it", pipeline.name));
  }
  MR_TRY(Status(written));
  return message;
}

Result<Value> upload_version(Context& context, const Call& call) {
  MR_TRY(refuse_tags(call));
  const std::string pipeline_id = call.parameter("pipelineid");
  if (pipeline_id.empty()) return fail(Code::invalid_argument, "the query parameter pipelineid is missing");
  Version version = version_of(call, MR_TRY(read_upload(call)), context.clock);
  if (version.name.size() > kMaxVersionName)
    return fail(Code::invalid_argument, fmt::format("the version's name is longer than {} bytes", kMaxVersionName));
  version.pipeline_id = pipeline_id;
  const Status written = context.database.write([&](db::Connection& connection) -> Status {
    MR_TRY(find_pipeline(connection, pipeline_id));
    return insert_version(connection, version);
  });
  if (!written && written.error().code == Code::already_exists)
    return fail(Code::already_exists, fmt::format("the pipeline has a version named \"{}\" already", version.name));
  MR_TRY(Status(written));
  return to_message(version);
}

}  // namespace millrace::pipelines::api
