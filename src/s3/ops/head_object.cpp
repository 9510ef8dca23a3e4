#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation head_object(Store& store) {
  return with_version({"HeadObject", "s3:GetObject", on_object(),
                       [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
                         MR_TRY(refuse_unsupported(input));
                         const auto object = store.object(bucket_of(input), key_of(input));
                         if (!object) return fail(absent_or_denied(call, bucket_of(input), object.error()));
                         return MR_TRY(read_object(call, *object, input)).output;
                       }},
                      "s3:GetObjectVersion");
}

}  // namespace millrace::s3::ops
