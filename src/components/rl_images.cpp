#include "components/rl_images.h"

#include <algorithm>

#include <fmt/core.h>

#include "components/training_image.h"

namespace millrace::components {
namespace {

// Older images lie in accounts that differ from region to region, newer ones in one account of some regions.
enum class Registry { by_region, one_account };

struct Image {
  std::string_view toolkit, framework, version;
  Registry registry;
  std::string_view repository, tag, python;
};
constexpr std::string_view kOldMxnet = "sagemaker-rl-mxnet", kOldTensorflow = "sagemaker-rl-tensorflow";
constexpr std::string_view kCoach = "sagemaker-rl-coach-container", kRay = "sagemaker-rl-ray-container";
constexpr Image kImages[] = {
    {"coach", "mxnet", "0.11", Registry::by_region, kOldMxnet, "coach0.11", "py3"},
    {"coach", "mxnet", "0.11.0", Registry::by_region, kOldMxnet, "coach0.11.0", "py3"},
    {"coach", "tensorflow", "0.10", Registry::by_region, kOldTensorflow, "coach0.10", "py3"},
    {"coach", "tensorflow", "0.10.1", Registry::by_region, kOldTensorflow, "coach0.10.1", "py3"},
    {"coach", "tensorflow", "0.11", Registry::by_region, kOldTensorflow, "coach0.11", "py3"},
    {"coach", "tensorflow", "0.11.0", Registry::by_region, kOldTensorflow, "coach0.11.0", "py3"},
    {"coach", "tensorflow", "0.11.1", Registry::by_region, kOldTensorflow, "coach0.11.1", "py3"},
    {"coach", "tensorflow", "1.0.0", Registry::one_account, kCoach, "coach-1.0.0-tf", "py3"},
    {"ray", "pytorch", "0.8.5", Registry::one_account, kRay, "ray-0.8.5-torch", "py36"},
    {"ray", "pytorch", "1.6.0", Registry::one_account, kRay, "ray-1.6.0-torch", "py36"},
    {"ray", "tensorflow", "0.5", Registry::by_region, kOldTensorflow, "ray0.5", "py3"},
    {"ray", "tensorflow", "0.5.3", Registry::by_region, kOldTensorflow, "ray0.5.3", "py3"},
    {"ray", "tensorflow", "0.6", Registry::by_region, kOldTensorflow, "ray0.6", "py3"},
    {"ray", "tensorflow", "0.6.5", Registry::by_region, kOldTensorflow, "ray0.6.5", "py3"},
    {"ray", "tensorflow", "0.8.2", Registry::one_account, kRay, "ray-0.8.2-tf", "py36"},
    {"ray", "tensorflow", "0.8.5", Registry::one_account, kRay, "ray-0.8.5-tf", "py36"},
    {"ray", "tensorflow", "1.6.0", Registry::one_account, kRay, "ray-1.6.0-tf", "py37"},
};

struct Accounts {
  std::string_view region, by_region, one_account;  // empty: not there
};
constexpr std::string_view kOld = "520713654638", kNew = "462105765813";
constexpr Accounts kAccounts[] = {
    {"af-south-1", "313743910680", ""},
    {"ap-east-1", "057415533634", ""},
    {"ap-northeast-1", kOld, kNew},
    {"ap-northeast-2", kOld, kNew},
    {"ap-south-1", kOld, kNew},
    {"ap-southeast-1", kOld, kNew},
    {"ap-southeast-2", kOld, kNew},
    {"ca-central-1", kOld, kNew},
    {"cn-north-1", "422961961927", ""},
    {"cn-northwest-1", "423003514399", ""},
    {"eu-central-1", kOld, kNew},
    {"eu-north-1", kOld, ""},
    {"eu-south-1", "048378556238", ""},
    {"eu-west-1", kOld, kNew},
    {"eu-west-2", kOld, kNew},
    {"eu-west-3", kOld, ""},
    {"me-south-1", "724002660598", ""},
    {"sa-east-1", kOld, ""},
    {"us-east-1", kOld, kNew},
    {"us-east-2", kOld, kNew},
    {"us-gov-west-1", "246785580436", ""},
    {"us-iso-east-1", "744548109606", ""},
    {"us-isob-east-1", "453391408702", ""},
    {"us-west-1", kOld, kNew},
    {"us-west-2", kOld, kNew},
};

// Instances of the families g and p have a GPU: "ml.p3.2xlarge".
bool has_gpu(std::string_view instance_type) {
  return instance_type.starts_with("ml.g") || instance_type.starts_with("ml.p");
}

}  // namespace

Result<std::string> rl_image(const RlToolkit& toolkit, std::string_view region, std::string_view instance_type) {
  const auto* image = std::ranges::find_if(kImages, [&](const Image& one) {
    return one.toolkit == toolkit.toolkit && one.framework == toolkit.framework && one.version == toolkit.version;
  });
  if (image == std::end(kImages)) {
    return fail(Code::invalid_argument, fmt::format("Provided `{}-{}` and `{}` combination is not supported.",
                                                    toolkit.toolkit, toolkit.version, toolkit.framework));
  }
  const auto* accounts = std::ranges::find(kAccounts, region, &Accounts::region);
  const std::string_view account = accounts == std::end(kAccounts)          ? ""
                                   : image->registry == Registry::by_region ? accounts->by_region
                                                                            : accounts->one_account;
  if (account.empty()) {
    return fail(Code::invalid_argument, fmt::format("No image of {} {} is known in region {}: give it as --image.",
                                                    toolkit.toolkit, toolkit.version, region));
  }
  return fmt::format("{}.dkr.ecr.{}.{}/{}:{}-{}-{}", account, region, registry_domain(region), image->repository,
                     image->tag, has_gpu(instance_type) ? "gpu" : "cpu", image->python);
}

}  // namespace millrace::components
