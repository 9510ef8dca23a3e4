#include "s3/ops/ops.h"

namespace millrace::s3::ops {

// No bucket here was ever versioned, which S3 answers with an empty document.
aws::Operation get_bucket_versioning(Store& store) {
  return {"GetBucketVersioning", "s3:GetBucketVersioning", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.bucket(bucket_of(input)));
            return aws::Output();
          }};
}

}  // namespace millrace::s3::ops
