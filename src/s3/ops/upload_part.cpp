#include <fmt/core.h>

#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation upload_part(Store& store) {
  return {
      "UploadPart",
      "s3:PutObject",
      on_object(),
      [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
        MR_TRY(refuse_unsupported(input));
        const std::int64_t number = input["PartNumber"].int_or(0);
        if (number < 1 || number > kMaxParts) {
          return invalid_argument(fmt::format("Part number must be an integer between 1 and {}, inclusive", kMaxParts));
        }
        const Upload upload = MR_TRY(store.upload(bucket_of(input), key_of(input), input["UploadId"].string_or()));
        Content content = MR_TRY(read_content(store, call));
        if (const auto& wanted = upload.metadata.checksums;
            !wanted.empty() && !content.checksums.empty() && !content.checksums.contains(wanted.begin()->first)) {
          store.discard(content.blob);
          return error_with("InvalidRequest",
                            fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum "
                                        "Type: {}",
                                        wanted.begin()->first, content.checksums.begin()->first));
        }
        const Part part = MR_TRY(store.put_part(upload, static_cast<int>(number), std::move(content)));
        Value out = Value::object({{"ETag", quote_etag(part.etag)}});
        add_checksums(out, part.checksums);
        return aws::Output(std::move(out));
      },
      {},
      write_keys(Makes::part)};
}

}  // namespace millrace::s3::ops
