#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation head_bucket(Store& store) {
  return {"HeadBucket", "s3:ListBucket", on_bucket(), [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            const auto bucket = MR_TRY(store.bucket(bucket_of(input)));
            return aws::Output(Value::object({{"BucketRegion", bucket->region}, {"AccessPointAlias", false}}));
          }};
}

}  // namespace millrace::s3::ops
