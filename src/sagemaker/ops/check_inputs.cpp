// What a job's request can be refused for at once, as SageMaker does, rather than when the job runs.

#include <algorithm>

#include "sagemaker/algorithms/registry.h"
#include "sagemaker/errors.h"
#include "sagemaker/jobs/container.h"
#include "sagemaker/jobs/object_paths.h"
#include "sagemaker/jobs/program_environment.h"
#include "sagemaker/jobs/script_mode.h"
#include "sagemaker/jobs/transfer.h"
#include "sagemaker/ops/ops.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kPeeked = 2;  // a folder's own marker, and one that is none

// One look below the prefix, however many objects lie there.
Result<bool> has_data(s3::Access& access, const Value& source) {
  const auto uri = MR_TRY(s3::parse_uri(source["S3Uri"].string_or()));
  if (source["S3DataType"].string_or() == "ManifestFile") {
    MR_TRY(access.head(uri.bucket, uri.key));
    return true;
  }
  const auto found = MR_TRY(access.folder(uri.bucket, uri.key, kPeeked));
  return !found.folders.empty() ||
         std::ranges::any_of(found.objects, [](const s3::ObjectInfo& object) { return !is_folder_marker(object.key); });
}

}  // namespace

Status check_data(Ops& ops, const aws::Call& call, const std::string& role_arn, const Value& source) {
  if (!source.is_object()) return {};
  const auto access = MR_TRY(ops.dependencies.access_as(role_arn, call.origin));
  const auto found = has_data(*access, source);
  if (found && *found) return {};
  std::string sentence =
      no_objects_found(source["S3Uri"].string_or(), ops.dependencies.account_region.region, role_arn);
  if (!found) sentence += " Error message from S3: " + found.error().message;
  return validation_error(std::move(sentence));
}

Status check_program(Ops& ops, const Value& training_job) {
  const Value& algorithm = training_job["AlgorithmSpecification"];
  const std::string image = algorithm["TrainingImage"].string_or();
  const bool says_what = !algorithm["ContainerEntrypoint"].empty() || script_mode_of(training_job).has_value();
  if (built_in::algorithm_of_image(image) != nullptr || says_what) return {};
  if (ops.dependencies.backend.has_image(image)) return {};
  const Status is_python = check_image(image);
  if (!is_python) return validation_error(is_python.error().message);
  const auto program = program_of(image, {}, {}, {});
  return program ? Status() : Status(validation_error(program.error().message));
}

}  // namespace millrace::sagemaker
