#include <algorithm>
#include <array>

#include "base/strings.h"
#include "s3/errors.h"
#include "s3/header_text.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::array<std::string_view, 5> kKept = {"ContentType", "CacheControl", "ContentDisposition",
                                                   "ContentEncoding", "ContentLanguage"};
constexpr std::array<std::string_view, 5> kAlgorithms = {"crc32", "crc32c", "crc64nvme", "sha1", "sha256"};
constexpr std::string_view kChecksumHeader = "x-amz-checksum-";
constexpr std::string_view kDefaultType = "binary/octet-stream";

// aws-chunked is how the body came, not what the object is; the rest stays as it was written.
std::string without_chunking(const std::string& encoding) {
  std::string kept;
  for (const std::string_view part : split(encoding, ',')) {
    if (equals_ignore_case(trim(part), "aws-chunked")) continue;
    if (!kept.empty()) kept += ',';
    kept += kept.empty() ? trim(part) : part;
  }
  return kept;
}

// Bytes of names and values. Source: S3 User Guide, "Working with object metadata".
Status check_metadata_size(aws::Call& call, const Metadata& metadata) {
  std::size_t size = 0;
  for (const auto& [name, value] : metadata.user) size += name.size() + value.size();
  if (size <= kMaxUserMetadataBytes) return {};
  call.error_details.emplace_back("Size", std::to_string(size));
  call.error_details.emplace_back("MaxSizeAllowed", std::to_string(kMaxUserMetadataBytes));
  return error_with("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size");
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

bool sends_checksum(const aws::Call& call) {
  const auto wanted = wanted_checksum(call);
  return wanted && !wanted->algorithm.empty();
}

Result<Metadata> metadata_from(aws::Call& call, const Value& input) {
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
  for (const auto& [name, value] : input["Metadata"].members())
    metadata.user[to_lower(name)] = decode_header_text(value.string_or());
  MR_TRY(check_metadata_size(call, metadata));
  metadata.tags = MR_TRY(tags_from_header(input["Tagging"].string_or()));
  return metadata;
}

Result<Content> read_content(Store& store, aws::Call& call, const Encryption& encryption, std::string_view algorithm) {
  WantedChecksum wanted = MR_TRY(wanted_checksum(call));
  if (wanted.algorithm.empty()) wanted.algorithm = algorithm.empty() ? kDefaultChecksum : algorithm;
  ContentWriter writer(store, std::move(wanted), encryption);
  if (call.body != nullptr) MR_TRY(writer.write_body(*call.body));
  return writer.finish();
}

Result<WriteCondition> write_condition(aws::Call& call, const Value& input) {
  WriteCondition condition{input["IfMatch"].string_or(), input["IfNoneMatch"].string_or()};
  const bool match = !condition.if_match.empty(), none_match = !condition.if_none_match.empty();
  if (match && none_match) {
    return not_implemented_header(call, "If-Match,If-None-Match",
                                  "Multiple conditional request headers present in the request");
  }
  if (match && trim(condition.if_match) == "*")
    return not_implemented_header(call, "If-Match",
                                  "We don't accept the provided value of If-Match header for this API");
  if (none_match && trim(condition.if_none_match) != "*") {
    return not_implemented_header(call, "If-None-Match",
                                  "We don't accept the provided value of If-None-Match header for this API");
  }
  return condition;
}

}  // namespace millrace::s3::ops
