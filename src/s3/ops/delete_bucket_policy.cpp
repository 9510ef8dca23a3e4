#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation delete_bucket_policy(Store& store) {
  return {"DeleteBucketPolicy", "s3:DeleteBucketPolicy", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.set_policy(bucket_of(input), ""));
            return aws::Output();
          }};
}

}  // namespace millrace::s3::ops
