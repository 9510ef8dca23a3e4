#include "pipelines/executors/artifact_files.h"

#include <algorithm>
#include <system_error>

#include <fmt/core.h>

namespace millrace::pipelines::executors {

Result<std::filesystem::path> readable_artifact(const Options& options, std::string_view uri) {
  std::string_view path = uri;
  if (path.starts_with("file://")) path.remove_prefix(7);
  if (!path.starts_with('/')) {
    return fail(
        Code::unimplemented,
        fmt::format("the artifact {} is not in this server's store; ask the store that its address names", uri));
  }
  std::error_code failed;
  const auto root = std::filesystem::canonical(options.directory / "artifacts", failed);
  if (failed) return fail(Code::not_found, fmt::format("the artifact {} is not there", uri));
  const auto found = std::filesystem::canonical(std::filesystem::path(path), failed);
  if (failed) return fail(Code::not_found, fmt::format("the artifact {} is not there", uri));
  const auto apart = std::mismatch(root.begin(), root.end(), found.begin(), found.end());
  if (apart.first != root.end())
    return fail(Code::permission_denied, fmt::format("{} is not among the artifacts of this server", uri));
  return found;
}

}  // namespace millrace::pipelines::executors
