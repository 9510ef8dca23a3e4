#include "sagemaker/jobs/served_model.h"

#include <fmt/core.h>

#include "base/file.h"
#include "sagemaker/algorithms/registry.h"
#include "sagemaker/jobs/model_archive.h"

namespace millrace::sagemaker {

Result<ServedModel> served_model(const Value& model) {
  const std::string name = model["ModelName"].string_or();
  const auto containers = model["Containers"].items();
  if (containers.size() > 1) {
    return fail(Code::unimplemented,
                fmt::format("The model {} is an inference pipeline of {} containers; only models of one container can "
                            "be served here.",
                            name, containers.size()));
  }
  const Value& container = containers.empty() ? model["PrimaryContainer"] : containers.front();
  ServedModel served;
  served.image = container["Image"].string_or();
  if (const auto* algorithm = built_in::algorithm_of_image(served.image)) served.algorithm = algorithm->info().name;
  served.model_data_url = container["ModelDataUrl"].string_or();
  served.role_arn = model["ExecutionRoleArn"].string_or();
  if (container["Mode"].string_or("SingleModel") != "SingleModel") {
    return fail(Code::unimplemented,
                fmt::format("The model {} is a multi-model container, which cannot be served here.", name));
  }
  if (served.algorithm.empty()) {
    return fail(Code::unimplemented,
                fmt::format("The primary container's image {} of the model {} cannot be served here: only images of "
                            "built-in algorithms can ({}).",
                            served.image.empty() ? "(none)" : served.image, name, built_in::names_of_all()));
  }
  return served;
}

Status fetch_model(const Dependencies& dependencies, const ServedModel& model, const std::filesystem::path& folder,
                   const std::string& origin, const Checkpoint& checkpoint) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  const auto archive = std::filesystem::path(folder.string() + ".tar.gz");
  const auto partial = std::filesystem::path(folder.string() + ".part");
  MR_TRY(remove_tree(partial));
  // trusted-path: beside a job's or a model server's folders, where only the server writes
  std::filesystem::remove(archive, error);
  // trusted-path: beside a job's or a model server's folders, where only the server writes
  MR_TRY(make_directories(partial));
  if (!model.model_data_url.empty()) {
    const auto access = MR_TRY(dependencies.access_as(model.role_arn, origin));
    Transfer transfer{*access, model.role_arn, dependencies.account_region.region, checkpoint};
    MR_TRY(transfer.download_object(model.model_data_url, archive, blob::BlobStore::Share::read_only_link));
    if (auto done = unpack_archive(archive, partial, {}, checkpoint); !done) {
      return fail(done.error().code,
                  fmt::format("The model data {} cannot be unpacked: {}", model.model_data_url, done.error().message));
    }
    // trusted-path: beside a job's or a model server's folders, where only the server writes
    std::filesystem::remove(archive, error);
  }
  // trusted-path: beside a job's or a model server's folders, where only the server writes
  std::filesystem::rename(partial, folder, error);
  if (error) return fail(Code::internal, fmt::format("cannot make {}: {}", folder.string(), error.message()));
  return {};
}

}  // namespace millrace::sagemaker
