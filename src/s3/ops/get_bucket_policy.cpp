#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation get_bucket_policy(Store& store) {
  return {"GetBucketPolicy", "s3:GetBucketPolicy", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            Bucket bucket = MR_TRY(store.bucket(bucket_of(input)));
            if (bucket.policy.empty()) return no_such_bucket_policy();
            return aws::Output(Value::object({{"Policy", std::move(bucket.policy)}}));
          }};
}

}  // namespace millrace::s3::ops
