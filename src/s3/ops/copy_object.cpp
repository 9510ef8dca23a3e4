#include "s3/errors.h"
#include "s3/names.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation copy_object(Store& store) {
  return {"CopyObject", "s3:PutObject", on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string bucket = bucket_of(input), key = key_of(input);
            MR_TRY(check_key(key));
            MR_TRY(refuse_unsupported(input));
            MR_TRY(store.bucket(bucket));
            const bool replace = input["MetadataDirective"].string_or("COPY") == "REPLACE";
            auto [source, file] = MR_TRY(open_copy_source(store, input));
            if (!replace && source.bucket == bucket && source.key == key) {
              return error_with("InvalidRequest",
                                "This copy request is illegal because it is trying to copy an object to itself without "
                                "changing the object's metadata, storage class, website redirect location or "
                                "encryption attributes.");
            }
            Metadata metadata = replace ? MR_TRY(metadata_from(call, input)) : source.metadata;
            metadata.tags = input["TaggingDirective"].string_or("COPY") == "REPLACE"
                                ? MR_TRY(tags_from_header(input["Tagging"].string_or()))
                                : source.metadata.tags;
            WantedChecksum checksum;
            if (!source.metadata.checksums.empty()) checksum.algorithm = source.metadata.checksums.begin()->first;
            ContentWriter writer(store.blobs(), checksum);
            if (file) MR_TRY(writer.write_file(file.get()));
            const Object object =
                MR_TRY(store.put(bucket, key, MR_TRY(writer.finish()), std::move(metadata), write_condition(input)));
            Value result =
                Value::object({{"ETag", quote_etag(object.etag)}, {"LastModified", seconds(object.modified)}});
            add_checksums(result, object.metadata.checksums);
            return aws::Output(Value::object({{"CopyObjectResult", std::move(result)}}));
          },
          may_read_copy_source()};
}

}  // namespace millrace::s3::ops
