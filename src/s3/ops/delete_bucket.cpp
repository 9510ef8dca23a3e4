#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation delete_bucket(Store& store) {
  return {"DeleteBucket", "s3:DeleteBucket", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.delete_bucket(bucket_of(input)));
            return aws::Output();
          }};
}

}  // namespace millrace::s3::ops
