#include <algorithm>
#include <array>

#include "base/strings.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::array<std::string_view, 5> kKept = {"ContentType", "CacheControl", "ContentDisposition",
                                                   "ContentEncoding", "ContentLanguage"};
constexpr std::array<std::string_view, 5> kAlgorithms = {"crc32", "crc32c", "crc64nvme", "sha1", "sha256"};
constexpr std::string_view kChecksumHeader = "x-amz-checksum-";
constexpr std::string_view kDefaultType = "binary/octet-stream";

// aws-chunked is how the body came, not what the object is.
std::string without_chunking(const std::string& encoding) {
  std::vector<std::string> kept;
  for (const std::string_view part : split(encoding, ',')) {
    if (!equals_ignore_case(trim(part), "aws-chunked")) kept.emplace_back(trim(part));
  }
  return join(kept, ",");
}

Result<WantedChecksum> wanted_checksum(const aws::Call& call) {
  WantedChecksum wanted;
  if (call.http == nullptr) return wanted;
  const net::Headers& headers = call.http->headers;
  for (const std::string_view algorithm : kAlgorithms) {
    const std::string name = std::string(kChecksumHeader) + std::string(algorithm);
    if (!headers.has(name)) continue;
    if (!wanted.algorithm.empty()) {
      return error_with("InvalidRequest",
                        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    }
    wanted = {std::string(algorithm), std::string(headers.get(name))};
  }
  if (!wanted.algorithm.empty()) return wanted;
  std::string named = to_lower(headers.get("x-amz-trailer"));
  if (named.starts_with(kChecksumHeader)) named.erase(0, kChecksumHeader.size());
  if (named.empty()) named = to_lower(headers.get("x-amz-sdk-checksum-algorithm"));
  if (std::find(kAlgorithms.begin(), kAlgorithms.end(), named) != kAlgorithms.end()) wanted.algorithm = named;
  return wanted;
}

}  // namespace

Result<Metadata> metadata_from(const aws::Call& call, const Value& input) {
  Metadata metadata;
  for (const std::string_view member : kKept) {
    const std::string value = input[member].string_or();
    if (!value.empty()) metadata.system[std::string(member)] = value;
  }
  if (const auto found = metadata.system.find("ContentEncoding"); found != metadata.system.end()) {
    found->second = without_chunking(found->second);
    if (found->second.empty()) metadata.system.erase(found);
  }
  metadata.system.emplace("ContentType", kDefaultType);
  // Kept as it was written: S3 does not ask that it be a date.
  if (call.http != nullptr && call.http->headers.has("expires")) {
    metadata.system["Expires"] = call.http->headers.get("expires");
  }
  for (const auto& [name, value] : input["Metadata"].members()) metadata.user[to_lower(name)] = value.string_or();
  metadata.tags = MR_TRY(tags_from_header(input["Tagging"].string_or()));
  return metadata;
}

Result<Content> read_content(Store& store, aws::Call& call) {
  ContentWriter writer(store.blobs(), MR_TRY(wanted_checksum(call)));
  if (call.body != nullptr) MR_TRY(writer.write_body(*call.body));
  return writer.finish();
}

WriteCondition write_condition(const Value& input) {
  return {input["IfMatch"].string_or(), input["IfNoneMatch"].string_or()};
}

}  // namespace millrace::s3::ops
