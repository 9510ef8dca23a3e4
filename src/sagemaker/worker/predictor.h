#pragma once
// Who answers the payloads of a batch transform: a model in this process, or a model server beside it.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sagemaker/algorithms/algorithm.h"
#include "sagemaker/worker/transform_spec.h"

namespace millrace::sagemaker::worker {

class Predictor {
 public:
  virtual ~Predictor() = default;
  // The answer's bytes, in the form of the specification's Accept. From any number of threads. Errors: a sentence;
  // of a server, failed_precondition: it refused the payload (4xx), aborted: it failed (5xx, no answer).
  virtual Result<std::string> predict(std::string_view content_type, std::string_view body) const = 0;
  virtual std::size_t at_a_time() const = 0;  // payloads
};

Result<std::unique_ptr<Predictor>> load_predictor(const TransformSpec& spec);
// Waits until the server answers /ping. Error: aborted, it has ended or did not in time.
Result<std::unique_ptr<Predictor>> await_server(const TransformSpec& spec);

}  // namespace millrace::sagemaker::worker
