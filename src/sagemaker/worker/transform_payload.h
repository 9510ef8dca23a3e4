#pragma once
// One payload of a batch transform: cut from the file, filtered, predicted, joined, filtered again.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sagemaker/worker/predictor.h"
#include "sagemaker/worker/transform_spec.h"

namespace millrace::sagemaker::worker {

struct Payload {
  std::string_view bytes;
  std::size_t first_record = 0;  // from 1; for messages
};

// The file as the requests it makes. Empty lines are dropped when each line is a request of its own.
// Errors: invalid_argument when one record is larger than a payload may be.
Result<std::vector<Payload>> cut_payloads(const TransformSpec& spec, std::string_view file);

// The text that one payload adds to the output file.
Result<std::string> transform_payload(const TransformSpec& spec, const Predictor& model, const Payload& payload);

}  // namespace millrace::sagemaker::worker
