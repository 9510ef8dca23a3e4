#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/strings.h"
#include "s3/errors.h"
#include "s3/joined_checksum.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

// "ChecksumCRC32" of "crc32".
std::string member_of(std::string_view algorithm) { return "Checksum" + to_upper(algorithm); }

// A part as the request names it, and as it was uploaded.
struct Chosen {
  const Value& item;
  const Part& part;
};

Result<std::vector<Chosen>> chosen_parts(const std::vector<Part>& present, const Value& items) {
  std::vector<Chosen> chosen;
  for (const Value& item : items.items()) {
    const auto part = std::ranges::find_if(
        present, [&](const Part& one) { return one.number == static_cast<int>(item["PartNumber"].int_or(0)); });
    if (part == present.end()) return invalid_part();
    chosen.push_back({item, *part});
  }
  return chosen;
}

std::string checksum_of(const Part& part, const std::string& algorithm) {
  const auto found = part.checksums.find(algorithm);
  return found == part.checksums.end() ? "" : found->second;
}

// The size of the whole, where the sender says it.
Status check_size(const std::vector<Chosen>& chosen, const Value& input) {
  if (!input.has("MpuObjectSize")) return {};
  std::int64_t size = 0;
  for (const Chosen& one : chosen) size += static_cast<std::int64_t>(one.part.size);
  if (input["MpuObjectSize"].int_or(-1) == size) return {};
  return error_with("InvalidRequest",
                    fmt::format("The provided 'x-amz-mp-object-size' header value {} does not match what was computed: "
                                "{}",
                                argument_text(input["MpuObjectSize"]), size));
}

Status check_parts(const std::vector<Chosen>& chosen, const std::string& algorithm, std::string_view type) {
  const std::string member = member_of(algorithm);
  for (const Chosen& one : chosen) {
    const Value& value = one.item[member];
    if (!value.is_string() && type == kComposite) {
      return error_with("InvalidRequest",
                        fmt::format("The upload was created using a {} checksum. The complete request must include the "
                                    "checksum for each part. It was missing for part {} in the request.",
                                    algorithm, one.part.number));
    }
    if (value.is_string() && value.as_string() != checksum_of(one.part, algorithm)) return invalid_part();
  }
  return {};
}

// The checksum of the whole that the sender expects; "value-3" and "value" are both written of a composite one.
Status check_whole(const std::vector<Chosen>& chosen, const Value& input, const std::string& algorithm,
                   std::string_view type) {
  const Value& wanted = input[member_of(algorithm)];
  if (!wanted.is_string()) return {};
  std::vector<PartChecksum> each;
  for (const Chosen& one : chosen) each.push_back({checksum_of(one.part, algorithm), one.part.size});
  const auto joined = joined_checksum(algorithm, type, each);
  const bool same =
      joined && (*joined == wanted.as_string() || joined->substr(0, joined->find('-')) == wanted.as_string());
  if (same) return {};
  return error_with("BadDigest", fmt::format("The {} you specified did not match the calculated checksum.", algorithm));
}

// What the request says of the object's checksum has to be so; what cannot be checked is not passed over.
Status check_checksums(const Upload& upload, const std::vector<Chosen>& chosen, const Value& input) {
  const bool asked = !upload.metadata.checksums.empty();
  const std::string algorithm = asked ? upload.metadata.checksums.begin()->first : std::string(kDefaultChecksum);
  const std::string_view type = asked ? std::string_view(upload.metadata.checksums.begin()->second) : kFullObject;
  if (asked && input["ChecksumType"].is_string() && input["ChecksumType"].as_string() != type) {
    return error_with(
        "InvalidRequest",
        fmt::format("The upload was created using the {} checksum mode. The complete request must use the "
                    "same checksum mode.",
                    type));
  }
  for (const char* other : {"crc32", "crc32c", "crc64nvme", "sha1", "sha256"}) {
    if (other == algorithm || !input[member_of(other)].is_string()) continue;
    return error_with(
        "InvalidRequest",
        fmt::format("Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}", algorithm,
                    other));
  }
  if (asked) MR_TRY(check_parts(chosen, algorithm, type));
  return check_whole(chosen, input, algorithm, type);
}

Value answer(const aws::Call& call, const Object& object) {
  const std::string host(call.http != nullptr ? call.http->headers.get("host") : "");
  const std::string_view scheme = call.http != nullptr && call.http->tls ? "https" : "http";
  Value out = Value::object(
      {{"Location", fmt::format("{}://{}/{}/{}", scheme, host, object.bucket, percent_encode(object.key, true))},
       {"Bucket", object.bucket},
       {"Key", object.key},
       {"ETag", quote_etag(object.etag)}});
  add_checksums(out, object.metadata.checksums);
  describe_encryption(out, object.metadata.encryption, Answer::read);
  return out;
}

Result<Object> complete(Store& store, aws::Call& call, const Value& input) {
  const std::string bucket = bucket_of(input), key = key_of(input), id = input["UploadId"].string_or();
  const WriteCondition condition = MR_TRY(write_condition(call, input));
  const Value& items = input["MultipartUpload"]["Parts"];
  std::vector<Store::WantedPart> parts;
  for (const Value& item : items.items())
    parts.push_back({static_cast<int>(item["PartNumber"].int_or(0)), unquote_etag(item["ETag"].string_or())});
  const auto upload = store.upload(bucket, key, id);
  if (!upload) {
    // The same request again, its answer having been lost, gets the same answer.
    if (upload.error().reason == "NoSuchUpload") return store.completed_upload(bucket, key, id, parts);
    return fail(upload.error());
  }
  if (!input.has("MultipartUpload")) return error_with("InvalidRequest", "You must specify at least one part");
  const std::vector<Part> present = MR_TRY(store.parts(*upload, 0, kMaxParts));
  const std::vector<Chosen> chosen = MR_TRY(chosen_parts(present, items));
  MR_TRY(check_checksums(*upload, chosen, input));
  MR_TRY(check_size(chosen, input));
  auto object = store.complete_upload(*upload, present, parts, condition);
  // Completed by the same request meanwhile.
  if (!object && object.error().reason == "NoSuchUpload") return store.completed_upload(bucket, key, id, parts);
  return object;
}

}  // namespace

aws::Operation complete_multipart_upload(Store& store) {
  return {"CompleteMultipartUpload",
          "s3:PutObject",
          on_object(),
          [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            return aws::Output(answer(call, MR_TRY(complete(store, call, input))));
          },
          {},
          write_keys(Makes::object)};
}

}  // namespace millrace::s3::ops
