#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation get_object(Store& store) {
  return with_version({"GetObject", "s3:GetObject", on_object(),
                       [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
                         MR_TRY(refuse_unsupported(input));
                         auto opened = store.open_object(bucket_of(input), key_of(input));
                         if (!opened) return fail(absent_or_denied(call, bucket_of(input), std::move(opened).error()));
                         auto [out, range] = MR_TRY(read_object(call, opened->object, input));
                         if (!out.response) out.response.emplace().status = 0;
                         if (range && range->length > 0)
                           MR_TRY(send_content(*out.response, std::move(opened->content), *range));
                         return std::move(out);
                       }},
                      "s3:GetObjectVersion");
}

}  // namespace millrace::s3::ops
