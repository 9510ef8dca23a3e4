#pragma once
// The training images of SageMaker's own algorithms, by name and region.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::components {

// "K-Means", "kmeans" to "kmeans"; nullopt when it is not one of SageMaker's own.
std::optional<std::string> built_in_algorithm(std::string_view name);

// "382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1". Errors: invalid_argument for a region without the algorithm
// and for an algorithm whose version a name alone does not choose.
// Source: image_uri_config of the SageMaker Python SDK.
Result<std::string> training_image(std::string_view algorithm, std::string_view region);

// "amazonaws.com": what the names of a region's registries end with.
std::string_view registry_domain(std::string_view region);

}  // namespace millrace::components
