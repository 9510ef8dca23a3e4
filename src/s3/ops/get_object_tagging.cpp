#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation get_object_tagging(Store& store) {
  return with_version({"GetObjectTagging", "s3:GetObjectTagging", on_object(),
                       [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
                         MR_TRY(refuse_unsupported(input));
                         const Object object = MR_TRY(store.object(bucket_of(input), key_of(input)));
                         return aws::Output(Value::object({{"TagSet", to_tag_set(object.metadata.tags)}}));
                       }},
                      "s3:GetObjectVersionTagging");
}

}  // namespace millrace::s3::ops
