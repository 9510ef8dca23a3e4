#include "app/artifact_transfer.h"

#include <system_error>

#include <fmt/core.h>

#include "base/file.h"

namespace millrace::app {
namespace {

constexpr std::string_view kContentType = "application/octet-stream";

}  // namespace

Status fetch_artifact(const S3Access& access, const std::string& uri, const std::filesystem::path& path) {
  const s3::Uri from = MR_TRY(s3::parse_uri(uri));
  const auto objects = MR_TRY(access());
  std::error_code error;
  std::filesystem::remove_all(path, error);
  MR_TRY(make_directories(path.parent_path(), 0700));
  const auto head = objects->head(from.bucket, from.key);
  if (head) return objects->materialise(from.bucket, from.key, path, blob::BlobStore::Share::copy);
  if (head.error().code != Code::not_found) return fail(head.error());
  const std::string prefix = from.key.empty() || from.key.ends_with('/') ? from.key : from.key + "/";
  const auto found = MR_TRY(objects->list(from.bucket, prefix));
  if (found.empty()) return fail(head.error());
  for (const s3::ObjectInfo& object : found) {
    const std::string inside = object.key.substr(prefix.size());
    if (inside.empty() || inside.ends_with('/')) continue;
    const std::filesystem::path target = (path / inside).lexically_normal();
    if (target.lexically_relative(path).native().starts_with(".."))
      return fail(Code::invalid_argument, fmt::format("the key {} leads out of its directory", object.key));
    MR_TRY(make_directories(target.parent_path(), 0700));
    MR_TRY(objects->materialise(object.bucket, object.key, target, blob::BlobStore::Share::copy));
  }
  return {};
}

Status store_artifact(const S3Access& access, const std::filesystem::path& path, const std::string& uri) {
  const s3::Uri to = MR_TRY(s3::parse_uri(uri));
  const auto objects = MR_TRY(access());
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    MR_TRY(objects->put_file(to.bucket, to.key, path, kContentType));
    return {};
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
    if (!entry.is_regular_file(error)) continue;
    const std::string inside = entry.path().lexically_relative(path).native();
    MR_TRY(objects->put_file(to.bucket, to.key + "/" + inside, entry.path(), kContentType));
  }
  if (error) return fail(Code::internal, fmt::format("{} cannot be read: {}", path.native(), error.message()));
  return {};
}

}  // namespace millrace::app
