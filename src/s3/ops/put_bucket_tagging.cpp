#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation put_bucket_tagging(Store& store) {
  return {"PutBucketTagging", "s3:PutBucketTagging", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.set_bucket_tags(bucket_of(input),
                                         MR_TRY(tags_from_set(input["Tagging"]["TagSet"], kMaxBucketTags))));
            aws::Output out;
            out.response.emplace();
            out.response->status = 204;  // the model says 200, S3 does not
            return out;
          }};
}

}  // namespace millrace::s3::ops
