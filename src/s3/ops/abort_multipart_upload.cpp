#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation abort_multipart_upload(Store& store) {
  return {"AbortMultipartUpload", "s3:AbortMultipartUpload", on_object(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.abort_upload(
                MR_TRY(store.upload(bucket_of(input), key_of(input), input["UploadId"].string_or()))));
            return aws::Output();
          }};
}

}  // namespace millrace::s3::ops
