#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation delete_bucket_tagging(Store& store) {
  // The permission to put tags is the one to take them off.
  return {"DeleteBucketTagging", "s3:PutBucketTagging", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.set_bucket_tags(bucket_of(input), {}));
            return aws::Output();
          }};
}

}  // namespace millrace::s3::ops
