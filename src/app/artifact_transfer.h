#pragma once
// Artifacts whose URI is in S3: brought to a file before a task reads them, and back after a task wrote them. Both act
// as the node's role, as a step's pod on a worker node would.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "s3/s3.h"

namespace millrace::app {

using S3Access = std::function<Result<std::unique_ptr<s3::Access>>()>;

// An object becomes a file, all objects below key/ a directory. What stood at `path` is replaced. Errors: S3's.
Status fetch_artifact(const S3Access& access, const std::string& uri, const std::filesystem::path& path);
// A file becomes one object, a directory one for each file in it.
Status store_artifact(const S3Access& access, const std::filesystem::path& path, const std::string& uri);

}  // namespace millrace::app
