#pragma once
// An uploaded pipeline file: out of its multipart form, and out of its archive.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::pipelines::api {

struct UploadedFile {
  std::string name, content;
};
// The part named "uploadfile" of a multipart/form-data body (RFC 7578).
Result<UploadedFile> read_form(std::string_view content_type, std::string_view body);

// YAML or JSON as it is; from a zip or a gzipped tar `pipeline.yaml`, else the first file. An archive is read to its
// end, so that a damaged one is refused. Errors: invalid_argument, also for a file of more than 32 MiB (packed or not),
// for an archive of more than 10,000 entries or 64 MiB, and for one whose entries lead out of it.
Result<std::string> unpack(const UploadedFile& file);

// The pipeline of such a file, checked, as it is stored: the IR, {pipeline_spec, platform_spec}, or a workflow as it
// is. Large ones are read one after another: a document takes many times its size while it is. Errors:
// invalid_argument with the line at fault.
Result<Value> read_pipeline(const UploadedFile& file);

}  // namespace millrace::pipelines::api
