#pragma once
// A pipeline's file from a URL.

#include <functional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "pipelines/api/package_file.h"

namespace millrace::pipelines::api {

// http and https only, also over redirects (10 at most); 32 MiB and 30 s at most. The file's name is the last segment
// of the path. Errors: invalid_argument for a URL that is refused and for an answer other than 200; unavailable and
// deadline_exceeded where the other end does not answer; cancelled soon after `cancelled` gives true.
Result<UploadedFile> fetch_package(const std::string& url, const Clock& clock,
                                   const std::function<bool()>& cancelled = {});

}  // namespace millrace::pipelines::api
