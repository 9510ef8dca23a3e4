#include "s3/bucket_policy.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation put_bucket_policy(Store& store) {
  return {"PutBucketPolicy", "s3:PutBucketPolicy", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string bucket = bucket_of(input), policy = input["Policy"].string_or();
            MR_TRY(store.bucket(bucket));
            MR_TRY(check_bucket_policy(bucket, policy));
            MR_TRY(store.set_policy(bucket, policy));
            aws::Output out;
            out.response.emplace();
            out.response->status = 204;  // the model says 200, S3 does not
            return out;
          }};
}

}  // namespace millrace::s3::ops
