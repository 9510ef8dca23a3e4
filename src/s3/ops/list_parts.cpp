#include "base/strings.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation list_parts(Store& store) {
  return {"ListParts", "s3:ListMultipartUploadParts", on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const Upload upload = MR_TRY(store.upload(bucket_of(input), key_of(input), input["UploadId"].string_or()));
            const std::size_t limit = page_size(input, "MaxParts");
            const std::int64_t marker = input["PartNumberMarker"].int_or(0);
            auto parts = MR_TRY(store.parts(upload, static_cast<int>(marker), limit + 1));
            const bool more = limit > 0 && parts.size() > limit;  // a page of nothing has no end to go on behind
            if (parts.size() > limit) parts.pop_back();
            Value out = Value::object({{"Bucket", upload.bucket},
                                       {"Key", upload.key},
                                       {"UploadId", upload.id},
                                       {"PartNumberMarker", marker},
                                       {"MaxParts", static_cast<std::int64_t>(limit)},
                                       {"IsTruncated", more},
                                       {"Initiator", owner(call)},
                                       {"Owner", owner(call)},
                                       {"StorageClass", "STANDARD"}});
            for (const Part& part : parts) {
              Value item = Value::object({{"PartNumber", part.number},
                                          {"LastModified", seconds(part.modified)},
                                          {"ETag", quote_etag(part.etag)},
                                          {"Size", part.size}});
              if (!upload.metadata.checksums.empty()) add_checksums(item, part.checksums);
              out.child("Parts").push(std::move(item));
            }
            out.set("NextPartNumberMarker", parts.empty() ? 0 : parts.back().number);
            for (const auto& [algorithm, type] : upload.metadata.checksums)
              out.set("ChecksumAlgorithm", to_upper(algorithm)).set("ChecksumType", type);
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::s3::ops
