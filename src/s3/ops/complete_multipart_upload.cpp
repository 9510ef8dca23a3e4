#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "s3/errors.h"
#include "s3/joined_checksum.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

// "ChecksumCRC32" of "crc32".
std::string member_of(std::string_view algorithm) {
  std::string member = "Checksum";
  for (const char c : algorithm) member += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return member;
}

// What the request says of the parts' checksums, and of the whole's where that is asked for, has to be so.
Status check_checksums(Store& store, const Upload& upload, const Value& input) {
  for (const auto& [algorithm, type] : upload.metadata.checksums) {
    const std::string member = member_of(algorithm);
    std::vector<PartChecksum> chosen;
    const std::vector<Part> present = MR_TRY(store.parts(upload, 0, kMaxParts));
    for (const Value& item : input["MultipartUpload"]["Parts"].items()) {
      const auto part = std::ranges::find_if(
          present, [&](const Part& one) { return one.number == static_cast<int>(item["PartNumber"].int_or(0)); });
      if (part == present.end()) return invalid_part();
      const auto found = part->checksums.find(algorithm);
      const std::string value = found == part->checksums.end() ? "" : found->second;
      if (item[member].is_string() && item[member].as_string() != value) return invalid_part();
      chosen.push_back({value, part->size});
    }
    if (type != kFullObject || !input[member].is_string()) continue;
    if (joined_checksum(algorithm, type, chosen) != input[member].as_string()) {
      return error_with("BadDigest",
                        fmt::format("The {} you specified did not match the calculated checksum.", algorithm));
    }
  }
  return {};
}

}  // namespace

aws::Operation complete_multipart_upload(Store& store) {
  return {"CompleteMultipartUpload",
          "s3:PutObject",
          on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string bucket = bucket_of(input), key = key_of(input);
            const Upload upload = MR_TRY(store.upload(bucket, key, input["UploadId"].string_or()));
            std::vector<Store::WantedPart> parts;
            for (const auto& item : input["MultipartUpload"]["Parts"].items()) {
              parts.push_back({static_cast<int>(item["PartNumber"].int_or(0)), unquote_etag(item["ETag"].string_or())});
            }
            MR_TRY(check_checksums(store, upload, input));
            const Object object = MR_TRY(store.complete_upload(upload, parts, write_condition(input)));
            const std::string host(call.http != nullptr ? call.http->headers.get("host") : "");
            Value out =
                Value::object({{"Location", fmt::format("http://{}/{}/{}", host, bucket, percent_encode(key, true))},
                               {"Bucket", bucket},
                               {"Key", key},
                               {"ETag", quote_etag(object.etag)}});
            add_checksums(out, object.metadata.checksums);
            return aws::Output(std::move(out));
          },
          {},
          write_keys(Makes::object)};
}

}  // namespace millrace::s3::ops
