#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation delete_object_tagging(Store& store) {
  return with_version({"DeleteObjectTagging", "s3:DeleteObjectTagging", on_object(),
                       [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
                         MR_TRY(refuse_unsupported(input));
                         MR_TRY(store.set_object_tags(bucket_of(input), key_of(input), {}));
                         return aws::Output();
                       }},
                      "s3:DeleteObjectVersionTagging");
}

}  // namespace millrace::s3::ops
