#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation get_bucket_location(Store& store) {
  return {"GetBucketLocation", "s3:GetBucketLocation", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            const auto bucket = MR_TRY(store.bucket(bucket_of(input)));
            Value out = Value::object();
            // The first region has no constraint.
            if (bucket->region != "us-east-1") out.set("LocationConstraint", bucket->region);
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::s3::ops
