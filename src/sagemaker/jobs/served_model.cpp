#include "sagemaker/jobs/served_model.h"

#include <fmt/core.h>

#include "base/file.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/jobs/model_archive.h"
#include "sagemaker/serving/deployment.h"

namespace millrace::sagemaker {

namespace fs = std::filesystem;

Result<ServedModel> served_model(const Value& model, std::size_t at) {
  const std::string name = model["ModelName"].string_or();
  const auto containers = containers_of(model);
  if (at >= containers.size()) return fail(Code::internal, fmt::format("the model {} has no container {}", name, at));
  const Value& container = containers[at];
  ServedModel served;
  served.name = name;
  served.environment = container["Environment"];
  served.isolated = model["EnableNetworkIsolation"].bool_or(false);
  served.image = container["Image"].string_or();
  if (const auto* algorithm = built_in::algorithm_of_image(served.image)) served.algorithm = algorithm->info().name;
  served.model_data_url = container["ModelDataUrl"].string_or();
  served.role_arn = model["ExecutionRoleArn"].string_or();
  served.multi = is_multi_model(container);
  return served;
}

namespace {

// An archive in S3, unpacked to `folder`, which is there only when complete; an empty folder without a `url`.
struct Archive {
  std::string url, what;
  const fs::path& folder;
};

Status fetch_archive(const Dependencies& dependencies, const Archive& wanted, const std::string& role,
                     const std::string& origin, const Checkpoint& checkpoint) {
  std::error_code error;
  if (fs::is_directory(wanted.folder, error)) return {};
  const auto archive = fs::path(wanted.folder.string() + ".tar.gz");
  const auto partial = fs::path(wanted.folder.string() + ".part");
  MR_TRY(remove_tree(partial));
  // trusted-path: beside a job's or a model server's folders, where only the server writes
  fs::remove(archive, error);
  // trusted-path: beside a job's or a model server's folders, where only the server writes
  MR_TRY(make_directories(partial));
  if (!wanted.url.empty()) {
    const auto access = MR_TRY(dependencies.access_as(role, origin));
    Transfer transfer{*access, role, dependencies.account_region.region, checkpoint};
    MR_TRY(transfer.download_object(wanted.url, archive, blob::BlobStore::Share::read_only_link));
    if (auto done = unpack_archive(archive, partial, {}, checkpoint); !done) {
      return fail(done.error().code,
                  fmt::format("The {} {} cannot be unpacked: {}", wanted.what, wanted.url, done.error().message));
    }
    // trusted-path: beside a job's or a model server's folders, where only the server writes
    fs::remove(archive, error);
  }
  // trusted-path: beside a job's or a model server's folders, where only the server writes
  fs::rename(partial, wanted.folder, error);
  if (error) return fail(Code::internal, fmt::format("cannot make {}: {}", wanted.folder.string(), error.message()));
  return {};
}

}  // namespace

Status fetch_model(const Dependencies& dependencies, const ServedModel& model, const fs::path& folder,
                   const std::string& origin, const Checkpoint& checkpoint) {
  return fetch_archive(dependencies, {model.multi ? std::string() : model.model_data_url, "model data", folder},
                       model.role_arn, origin, checkpoint);
}

Status fetch_script(const Dependencies& dependencies, const ServedModel& model, const fs::path& folder,
                    const std::string& origin, const Checkpoint& checkpoint) {
  const std::string url = model.environment["SAGEMAKER_SUBMIT_DIRECTORY"].string_or();
  if (!url.starts_with("s3://")) return {};
  return fetch_archive(dependencies, {url, "inference script", folder}, model.role_arn, origin, checkpoint);
}

}  // namespace millrace::sagemaker
