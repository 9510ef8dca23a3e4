#pragma once
// The trained model as a file: `model_algo-1`, as SageMaker writes it: a list of MXNet's (ndarray_file.h) that holds
// one float32 array, k rows of feature_dim: mx.nd.load("model_algo-1")[0] gives the centres. Read as well: what this
// program wrote before, NumPy's .npy format 1.0.

#include <filesystem>
#include <string_view>

#include "algorithms/kmeans.h"
#include "base/result.h"

namespace millrace::sagemaker::built_in::kmeans {

inline constexpr std::string_view kModelFile = "model_algo-1";

Status save_model(const algorithms::KMeansModel& model, const std::filesystem::path& directory);
// Errors: not_found; invalid_argument when the file is not such a model.
Result<algorithms::KMeansModel> load_model(const std::filesystem::path& directory);

}  // namespace millrace::sagemaker::built_in::kmeans
