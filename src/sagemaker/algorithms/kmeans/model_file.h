#pragma once
// The trained model as a file: `model_algo-1`, NumPy's .npy format 1.0 (numpy.lib.format), float32, C order, k rows of
// feature_dim: numpy.load("model_algo-1") gives the centres.

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
