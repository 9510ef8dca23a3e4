#pragma once
// Artifacts whose URI is in S3: brought to a file before a task reads them, and back after a task wrote them. Both act
// as the node's role, as a step's pod on a worker node would.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/untrusted_tree.h"
#include "s3/s3.h"

namespace millrace::app {

using S3Access = std::function<Result<std::unique_ptr<s3::Access>>()>;

// An object becomes a file, all objects below key/ a directory: `path`, which is not there yet, in a directory that no
// task sees. Errors: S3's.
Status fetch_artifact(const S3Access& access, const std::string& uri, const std::filesystem::path& path);
// Is there such an object, or any below key/? Errors: S3's; not_found.
Status look_up_artifact(const S3Access& access, const std::string& uri);
// The file or directory `path` of `tree`, which a task has left, becomes one object or one for each file in it. Links
// are followed within the tree. Errors: S3's; failed_precondition for a link that leads out of the tree, a FIFO, socket
// or device; resource_exhausted for more than a limit of files or bytes.
Status store_artifact(const S3Access& access, const UntrustedTree& tree, const std::string& path,
                      const std::string& uri);

}  // namespace millrace::app
