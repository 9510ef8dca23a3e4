#pragma once
// A request's body as rows of features.

#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::sagemaker::built_in {

// Rows of `dim` floats, packed; at least one. Errors: invalid_argument with a sentence; unimplemented for a content
// type that is not text/csv, application/json, application/jsonlines or application/x-recordio-protobuf.
Result<std::vector<float>> read_request_rows(std::string_view content_type, std::string_view body, std::size_t dim);

}  // namespace millrace::sagemaker::built_in
