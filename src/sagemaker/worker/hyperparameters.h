#pragma once
// K-Means' hyperparameters as SageMaker documents them ("K-Means Hyperparameters"), and Millrace's own:
//   polish_max_iter    non-negative integer, default 300; 0 leaves the polish out
//   polish_tol         number from 0 to 1, default 0
//   polish_candidates  positive integer, default 4
//   seed               non-negative integer; default: made of the other hyperparameters, so that a job repeated with
//                      the same ones gives the same model
// algorithms/kmeans.h says what they do.

#include <string>
#include <utility>
#include <vector>

#include "algorithms/kmeans.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::sagemaker::worker {

struct KMeansHyperparameters {
  std::size_t feature_dim = 0;
  algorithms::KMeansOptions options;
  bool report_msd = true;
  bool report_ssd = false;
  // Every hyperparameter in effect, defaults included, in the order of the documentation.
  std::vector<std::pair<std::string, std::string>> in_effect;
};

// `given`: the object of input/config/hyperparameters.json, strings throughout.
// Errors: invalid_argument with SageMaker's sentence where one is known.
Result<KMeansHyperparameters> read_hyperparameters(const Value& given);

}  // namespace millrace::sagemaker::worker
