#pragma once
// What AWS's Python client checks of a request before it sends it, in its words: the published components end there,
// and so do ours, without a call.

#include "aws/model.h"
#include "base/result.h"
#include "base/value.h"

namespace millrace::components {

// Unknown and missing members, types, and lower bounds of lengths and numbers.
// Errors: invalid_argument, "Parameter validation failed:" and a line for each fault.
// Source: botocore/validate.py.
Status check_parameters(const aws::Shape& shape, const Value& input);

}  // namespace millrace::components
