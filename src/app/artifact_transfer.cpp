#include "app/artifact_transfer.h"

#include <vector>

#include <fmt/core.h>

#include "base/file.h"

namespace millrace::app {
namespace {

constexpr std::string_view kContentType = "application/octet-stream";
constexpr UntrustedTree::Limits kUploaded{100'000, std::uint64_t{16} << 30, 100};

tl::unexpected<Error> too_large() {
  return fail(Code::resource_exhausted,
              fmt::format("an artifact has at most {} GiB, as its files' sizes say", kUploaded.bytes >> 30));
}

Status put(s3::Access& objects, const UntrustedTree& tree, const std::string& path, const std::string& bucket,
           const std::string& key) {
  const Fd file = MR_TRY(tree.open_file(path, Links::within));
  // By the descriptor: what lies at the path may be another file by now.
  MR_TRY(objects.put_file(bucket, key, fmt::format("/proc/self/fd/{}", file.get()), kContentType));
  return {};
}

}  // namespace

Status fetch_artifact(const S3Access& access, const std::string& uri, const std::filesystem::path& path) {
  const s3::Uri from = MR_TRY(s3::parse_uri(uri));
  const auto objects = MR_TRY(access());
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
    MR_TRY(make_directories(target.parent_path(), 0755));  // trusted-path: fresh, and no task sees it yet
    MR_TRY(objects->materialise(object.bucket, object.key, target, blob::BlobStore::Share::copy));
  }
  return {};
}

Status look_up_artifact(const S3Access& access, const std::string& uri) {
  const s3::Uri at = MR_TRY(s3::parse_uri(uri));
  const auto objects = MR_TRY(access());
  const auto head = objects->head(at.bucket, at.key);
  if (head) return {};
  if (head.error().code != Code::not_found) return fail(head.error());
  const std::string prefix = at.key.empty() || at.key.ends_with('/') ? at.key : at.key + "/";
  return MR_TRY(objects->list(at.bucket, prefix)).empty() ? Status(fail(head.error())) : Status();
}

Status store_artifact(const S3Access& access, const UntrustedTree& tree, const std::string& path,
                      const std::string& uri) {
  const s3::Uri to = MR_TRY(s3::parse_uri(uri));
  const auto found = MR_TRY(tree.info(path, Links::within));
  if (!found) return fail(Code::not_found, fmt::format("{} was not written", path));
  if (found->kind != FileKind::directory) {
    if (found->size > kUploaded.bytes) return too_large();
    return put(*MR_TRY(access()), tree, path, to.bucket, to.key);
  }
  // Looked through before anything is stored: an artifact that is refused leaves no half of it.
  std::vector<std::string> files;
  const Status walked = tree.walk(path, Links::within, kUploaded, [&](const UntrustedTree::Entry& entry) -> Status {
    if (entry.info.kind == FileKind::regular) files.push_back(entry.path);
    if (entry.info.kind == FileKind::regular || entry.info.kind == FileKind::directory) return {};
    return fail(Code::failed_precondition,
                fmt::format("it holds {}, which is {}", entry.path,
                            entry.info.kind == FileKind::symlink ? "a link that leads out of the task's artifacts"
                                                                 : "neither a file nor a directory"));
  });
  if (!walked) return walked;
  const auto objects = MR_TRY(access());
  for (const std::string& file : files)
    MR_TRY(put(*objects, tree, file, to.bucket, to.key + "/" + file.substr(path.size() + 1)));
  return {};
}

}  // namespace millrace::app
