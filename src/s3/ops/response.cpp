#include <array>
#include <cmath>

#include "s3/errors.h"
#include "s3/joined_checksum.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kChecksumMembers = {{
    {"crc32", "ChecksumCRC32"},
    {"crc32c", "ChecksumCRC32C"},
    {"crc64nvme", "ChecksumCRC64NVME"},
    {"sha1", "ChecksumSHA1"},
    {"sha256", "ChecksumSHA256"},
}};

std::optional<Time> time_from(const Value& value) {
  if (!value.is_number()) return std::nullopt;
  return from_epoch_ms(static_cast<std::int64_t>(std::llround(value.as_double() * 1000.0)));
}

}  // namespace

void add_checksums(Value& out, const std::map<std::string, std::string>& checksums) {
  for (const auto& [algorithm, member] : kChecksumMembers) {
    if (const auto found = checksums.find(std::string(algorithm)); found != checksums.end()) {
      out.set(member, found->second);
      // "…-3" is of three parts; base64 has no hyphen.
      out.set("ChecksumType", found->second.find('-') == std::string::npos ? kFullObject : kComposite);
    }
  }
}

void describe_object(Value& out, const Object& object, const Value& input) {
  out.set("ETag", quote_etag(object.etag));
  out.set("LastModified", seconds(object.modified));
  out.set("AcceptRanges", "bytes");
  for (const auto& [member, value] : object.metadata.system) {
    const std::string wanted = input["Response" + member].string_or();  // response-content-type and the like
    out.set(member, wanted.empty() ? value : wanted);
  }
  for (const char* member : {"CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage"}) {
    const std::string wanted = input[std::string("Response") + member].string_or();
    if (!wanted.empty()) out.set(member, wanted);
  }
  if (const auto wanted = time_from(input["ResponseExpires"])) out.set("Expires", format_http_date(*wanted));
  if (!object.metadata.user.empty()) {
    Value& user = out.child("Metadata");
    for (const auto& [name, value] : object.metadata.user) user.set(name, value);
  }
  if (!object.metadata.tags.empty()) out.set("TagCount", static_cast<std::int64_t>(object.metadata.tags.size()));
  if (input["ChecksumMode"].string_or() == "ENABLED") add_checksums(out, object.metadata.checksums);
}

Status check_part_number(const Value& input, const Object& object) {
  if (!input["PartNumber"].is_number()) return {};
  const std::size_t hyphen = object.etag.find('-');
  if (hyphen != std::string::npos && object.etag.substr(hyphen) != "-1") {
    return error_with("NotImplemented",
                      "The parts of an object are not kept apart once it is whole; ask for a Range of it.");
  }
  if (input["PartNumber"].int_or(1) == 1) return {};
  return error_with("InvalidPartNumber", "The requested partnumber is not satisfiable");
}

Conditions read_conditions(const Value& input, std::string_view member_prefix) {
  const std::string prefix(member_prefix);
  return {input[prefix + "IfMatch"].string_or(), input[prefix + "IfNoneMatch"].string_or(),
          time_from(input[prefix + "IfModifiedSince"]), time_from(input[prefix + "IfUnmodifiedSince"])};
}

}  // namespace millrace::s3::ops
