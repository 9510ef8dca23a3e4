#pragma once
// An uploaded pipeline file: out of its multipart form, and out of its archive.

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::pipelines::api {

struct UploadedFile {
  std::string name, content;
};
// The part named "uploadfile" of a multipart/form-data body (RFC 7578).
Result<UploadedFile> read_form(std::string_view content_type, std::string_view body);

// YAML or JSON as it is; from a zip or a gzipped tar `pipeline.yaml`, else the first file.
// Errors: invalid_argument; resource_exhausted when it unpacks to more than 32 MiB.
Result<std::string> unpack(const UploadedFile& file);

}  // namespace millrace::pipelines::api
