#include "base/strings.h"
#include "s3/errors.h"
#include "s3/joined_checksum.h"
#include "s3/names.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation create_multipart_upload(Store& store) {
  return {"CreateMultipartUpload",
          "s3:PutObject",
          on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string bucket = bucket_of(input), key = key_of(input);
            MR_TRY(check_key(key));
            MR_TRY(refuse_unsupported(input));
            const auto kept = MR_TRY(store.bucket(bucket));
            Metadata metadata = MR_TRY(metadata_from(call, input));
            metadata.encryption =
                MR_TRY(wanted_encryption({call.account, call.region}, input, kept->default_encryption));
            const std::string algorithm = input["ChecksumAlgorithm"].string_or();
            std::string_view type;
            if (algorithm.empty() && input["ChecksumType"].is_string()) {
              return error_with(
                  "InvalidRequest",
                  "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.");
            }
            if (!algorithm.empty()) {
              type = MR_TRY(checksum_type(to_lower(algorithm), input["ChecksumType"].string_or()));
              // Until the parts are joined, what their checksum is to be.
              metadata.checksums[to_lower(algorithm)] = type;
            }
            const Upload upload = MR_TRY(store.begin_upload(bucket, key, std::move(metadata)));
            Value out = Value::object({{"Bucket", bucket}, {"Key", key}, {"UploadId", upload.id}});
            describe_encryption(out, upload.metadata.encryption, Answer::write);
            if (!algorithm.empty()) out.set("ChecksumAlgorithm", algorithm).set("ChecksumType", type);
            return aws::Output(std::move(out));
          },
          write_checks(),
          write_keys(Makes::part)};
}

}  // namespace millrace::s3::ops
