#pragma once
// A built-in algorithm's model that this process answers with itself. Nothing of the artifact is read here: the
// confined worker has parsed it, and hands over numbers in a shape that is checked (worker/serve.cpp, GET /matrix). So
// a damaged or hostile artifact can spoil its own predictions, and no more. Source: docs/security.md.

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "sagemaker/algorithms/algorithm.h"

namespace millrace::sagemaker {

class NativeModel {
 public:
  static constexpr std::size_t kMaxBytes = 16 + built_in::kMaxMatrixValues * sizeof(float);  // of what is handed over
  // Errors: invalid_argument, it is not such a matrix; not_found, no such algorithm; unimplemented.
  static Result<std::shared_ptr<const NativeModel>> parse(std::string_view algorithm, std::string_view bytes);

  // Whether a thread of the server may do this: text of moderate size, little work. Other requests are the worker's.
  bool takes(std::string_view content_type, std::size_t body_bytes) const;
  built_in::InferenceAnswer infer(std::string_view content_type, std::string_view accept, std::string_view body) const;

  NativeModel(const built_in::AlgorithmInfo& info, std::unique_ptr<built_in::Model> model, std::size_t rows)
      : info_(info), model_(std::move(model)), rows_(rows) {}

 private:
  const built_in::AlgorithmInfo& info_;
  const std::unique_ptr<built_in::Model> model_;
  const std::size_t rows_;
};

}  // namespace millrace::sagemaker
