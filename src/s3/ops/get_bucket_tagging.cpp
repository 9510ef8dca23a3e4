#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation get_bucket_tagging(Store& store) {
  return {"GetBucketTagging", "s3:GetBucketTagging", on_bucket(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            const Tags tags = MR_TRY(store.bucket_tags(bucket_of(input)));
            if (tags.empty()) return error_with("NoSuchTagSet", "The TagSet does not exist", Code::not_found);
            return aws::Output(Value::object({{"TagSet", to_tag_set(tags)}}));
          }};
}

}  // namespace millrace::s3::ops
