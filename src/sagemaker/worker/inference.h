#pragma once
// What an endpoint and a batch transform share: a request's body in, a response's body out, in the formats that
// SageMaker documents ("Common Data Formats for Inference", "K-Means Response Formats").

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "algorithms/kmeans.h"
#include "base/result.h"

namespace millrace::sagemaker::worker {

struct Prediction {
  std::vector<std::int32_t> closest;
  std::vector<float> distance;  // Euclidean
  std::size_t size() const { return closest.size(); }
};

class Inference {
 public:
  // Errors: unimplemented (not a built-in algorithm), those of load_model().
  static Result<Inference> load(const std::string& algorithm, const std::filesystem::path& model_directory);

  // text/csv, application/json, application/jsonlines or application/x-recordio-protobuf.
  // Errors: invalid_argument with a sentence (also for another number of features than the model's); unimplemented
  // when the content type is not one of these.
  Result<Prediction> predict(std::string_view content_type, std::string_view body) const;

  std::size_t feature_dim() const { return predictor_.dim(); }

 private:
  explicit Inference(const algorithms::KMeansModel& model) : predictor_(model) {}
  algorithms::KMeansPredictor predictor_;
};

// The first of an Accept header's types that can be written; `fallback` when it is empty or takes anything.
// Errors: unimplemented.
Result<std::string_view> choose_response_type(std::string_view accept, std::string_view fallback);

// `type`: one of the four of content_type.h. Lines end in a newline, the last one too.
std::string write_prediction(std::string_view type, const Prediction& prediction);

}  // namespace millrace::sagemaker::worker
