#pragma once
// S3's own codes for what other services answer with a generic "1 validation error detected", what its errors name, and
// where else it departs from the common sequence (signature.h, bucket_host.h, hoisted_headers.h).
// Source: Amazon S3 API Reference, "Error responses" and the reference of each operation; answers of S3 that LocalStack
// keeps as snapshots.

#include "aws/gateway.h"
#include "s3/store.h"

namespace millrace::s3 {

// Refuses headers, parameters and documents that S3 refuses by name, and what the bucket owner condition does not
// allow.
aws::Dialect dialect(Store& store);

}  // namespace millrace::s3
