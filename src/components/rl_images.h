#pragma once
// The training images of SageMaker's toolkits for reinforcement learning.

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::components {

struct RlToolkit {
  std::string_view toolkit, version, framework;  // "ray", "1.6.0", "pytorch"
};

// "462105765813.dkr.ecr.us-east-1.amazonaws.com/sagemaker-rl-ray-container:ray-1.6.0-torch-cpu-py36". `instance_type`
// chooses between the CPU's and the GPU's. Errors: invalid_argument for a combination and for a region without it.
// Source: image_uri_config of the SageMaker Python SDK 2.
Result<std::string> rl_image(const RlToolkit& toolkit, std::string_view region, std::string_view instance_type);

}  // namespace millrace::components
