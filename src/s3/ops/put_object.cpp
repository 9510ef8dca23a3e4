#include "s3/names.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation put_object(Store& store) {
  return {"PutObject",
          "s3:PutObject",
          on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string bucket = bucket_of(input), key = key_of(input);
            MR_TRY(check_key(key));
            MR_TRY(refuse_unsupported(input));
            const auto kept = MR_TRY(store.bucket(bucket));  // before the body is read
            const Encryption encryption =
                MR_TRY(wanted_encryption({call.account, call.region}, input, kept->default_encryption));
            const WriteCondition condition = MR_TRY(write_condition(call, input));
            Metadata metadata = MR_TRY(metadata_from(call, input));
            Content content = MR_TRY(read_content(store, call, encryption));
            const Object object = MR_TRY(store.put(bucket, key, std::move(content), std::move(metadata), condition));
            Value out = Value::object({{"ETag", quote_etag(object.etag)}});
            add_checksums(out, object.metadata.checksums);
            describe_encryption(out, object.metadata.encryption, Answer::write);
            return aws::Output(std::move(out));
          },
          write_checks(),
          write_keys(Makes::object)};
}

}  // namespace millrace::s3::ops
