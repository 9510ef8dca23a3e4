#include <fmt/core.h>

#include "base/encode.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation complete_multipart_upload(Store& store) {
  return {"CompleteMultipartUpload", "s3:PutObject", on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string bucket = bucket_of(input), key = key_of(input);
            const Upload upload = MR_TRY(store.upload(bucket, key, input["UploadId"].string_or()));
            std::vector<Store::WantedPart> parts;
            for (const auto& item : input["MultipartUpload"]["Parts"].items()) {
              parts.push_back({static_cast<int>(item["PartNumber"].int_or(0)), unquote_etag(item["ETag"].string_or())});
            }
            const Object object = MR_TRY(store.complete_upload(upload, parts, write_condition(input)));
            const std::string host(call.http != nullptr ? call.http->headers.get("host") : "");
            return aws::Output(
                Value::object({{"Location", fmt::format("http://{}/{}/{}", host, bucket, percent_encode(key, true))},
                               {"Bucket", bucket},
                               {"Key", key},
                               {"ETag", quote_etag(object.etag)}}));
          }};
}

}  // namespace millrace::s3::ops
