// GET /artifacts/{id}:files, beyond upstream: what an artifact that is a directory has in it. Each of the files is
// fetched with :download?path=.

#include <fmt/core.h>

#include "base/strings.h"
#include "pipelines/api/access.h"
#include "pipelines/api/artifact_rows.h"
#include "pipelines/api/operations.h"
#include "pipelines/executors/store.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxEntries = 20'000;  // files and directories of one artifact

Value file_message(std::string_view path, std::uint64_t size) {
  return Value::object({{"path", path}, {"size", size}});
}

}  // namespace

Result<Value> list_artifact_files(Context& context, const Call& call) {
  const ArtifactRow artifact = MR_TRY(find_artifact(context.database, call.id()));
  MR_TRY(check_artifact(context, artifact.run_id, artifact.uri));
  const executors::StoredArtifact stored =
      MR_TRY(executors::find_artifact(context.options, artifact.uri, artifact.run_id));
  const auto info = MR_TRY(stored.tree.info(stored.path, Links::within));
  if (!info) return fail(Code::not_found, fmt::format("the artifact {} is not there", artifact.uri));
  if (info->kind == FileKind::regular)
    return Value::object({{"is_directory", false}, {"files", Value::array({file_message("", info->size)})}});
  Value files = Value::array();
  std::size_t skipped = 0;
  UntrustedTree::Limits limits;
  limits.entries = kMaxEntries;
  const Status walked = stored.tree.walk(stored.path, Links::within, limits, [&](const UntrustedTree::Entry& entry) {
    if (entry.info.kind == FileKind::directory) return Status();
    if (entry.info.kind == FileKind::regular && is_valid_utf8(entry.path)) {
      files.push(file_message(std::string_view(entry.path).substr(stored.path.size() + 1), entry.info.size));
    } else {
      ++skipped;
    }
    return Status();
  });
  if (!walked && walked.error().code == Code::resource_exhausted)
    return fail(Code::failed_precondition,
                fmt::format("the artifact {} has more than {} files; copy it from the store that its address names",
                            artifact.uri, kMaxEntries));
  MR_TRY(walked);
  Value answer = Value::object({{"is_directory", true}, {"files", std::move(files)}});
  // Links that lead out of the artifacts, FIFOs, names that are no text.
  return answer.set_if(skipped > 0, "skipped", skipped);
}

}  // namespace millrace::pipelines::api
