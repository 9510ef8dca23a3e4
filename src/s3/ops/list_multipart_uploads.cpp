#include "base/strings.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation list_multipart_uploads(Store& store) {
  return {"ListMultipartUploads", "s3:ListBucketMultipartUploads", on_bucket(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            if (!input["Delimiter"].string_or().empty()) {
              return error_with("NotImplemented", "Uploads are listed without a delimiter here", Code::unimplemented);
            }
            const std::size_t limit = page_size(input, "MaxUploads");
            const std::string prefix = input["Prefix"].string_or(), key_marker = input["KeyMarker"].string_or(),
                              id_marker = input["UploadIdMarker"].string_or();
            auto uploads = MR_TRY(store.uploads(bucket_of(input), prefix, key_marker, id_marker, limit + 1));
            const bool more = limit > 0 && uploads.size() > limit;
            if (uploads.size() > limit) uploads.pop_back();
            Value out = Value::object({{"Bucket", bucket_of(input)},
                                       {"KeyMarker", encoded(input, key_marker)},
                                       {"UploadIdMarker", id_marker},
                                       {"Prefix", encoded(input, prefix)},
                                       {"MaxUploads", static_cast<std::int64_t>(limit)},
                                       {"IsTruncated", more}});
            if (input.has("EncodingType")) out.set("EncodingType", input["EncodingType"]);
            for (const Upload& upload : uploads) {
              Value item = Value::object({{"UploadId", upload.id},
                                          {"Key", encoded(input, upload.key)},
                                          {"Initiated", seconds(upload.initiated)},
                                          {"StorageClass", "STANDARD"},
                                          {"Owner", owner(call)},
                                          {"Initiator", owner(call)}});
              for (const auto& [algorithm, type] : upload.metadata.checksums)
                item.set("ChecksumAlgorithm", to_upper(algorithm)).set("ChecksumType", type);
              out.child("Uploads").push(std::move(item));
            }
            out.set("NextKeyMarker", uploads.empty() ? "" : encoded(input, uploads.back().key));
            out.set("NextUploadIdMarker", uploads.empty() ? "" : uploads.back().id);
            return aws::Output(std::move(out));
          }};
}

}  // namespace millrace::s3::ops
