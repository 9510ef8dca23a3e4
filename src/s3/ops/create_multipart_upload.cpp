#include "s3/names.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation create_multipart_upload(Store& store) {
  return {"CreateMultipartUpload", "s3:PutObject", on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string bucket = bucket_of(input), key = key_of(input);
            MR_TRY(check_key(key));
            MR_TRY(refuse_unsupported(input));
            const Upload upload = MR_TRY(store.begin_upload(bucket, key, MR_TRY(metadata_from(call, input))));
            Value out = Value::object({{"Bucket", bucket}, {"Key", key}, {"UploadId", upload.id}});
            const std::string algorithm = input["ChecksumAlgorithm"].string_or();
            if (!algorithm.empty()) out.set("ChecksumAlgorithm", algorithm);
            return aws::Output(std::move(out));
          },
          may_put_tags()};
}

}  // namespace millrace::s3::ops
