#include <array>
#include <cmath>

#include <fmt/core.h>

#include "s3/errors.h"
#include "s3/header_text.h"
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
    for (const auto& [name, value] : object.metadata.user) user.set(name, encode_header_text(value));
  }
  if (!object.metadata.tags.empty()) out.set("TagCount", static_cast<std::int64_t>(object.metadata.tags.size()));
  describe_encryption(out, object.metadata.encryption, Answer::read);
  if (input["ChecksumMode"].string_or() == "ENABLED") add_checksums(out, object.metadata.checksums);
}

namespace {

// Of what a 304 or a part of the object carries: checksums are of the whole, and a client checks them against the body
// that comes (RFC 9110, 15.4.5, leaves out what describes the content).
void drop_checksums(Value& out) {
  for (const auto& [algorithm, member] : kChecksumMembers) out.erase(member);
  out.erase("ChecksumType");
}

void drop_content(Value& out) {
  drop_checksums(out);
  for (const char* member : {"ContentType", "ContentEncoding", "ContentLanguage", "ContentDisposition", "Metadata",
                             "TagCount", "AcceptRanges"}) {
    out.erase(member);
  }
}

}  // namespace

Result<Reading> read_object(aws::Call& call, const Object& object, const Value& input) {
  MR_TRY(check_part_number(input, object));
  Reading reading;
  aws::Output& out = reading.output;
  describe_object(out.members, object, input);
  const Verdict verdict = evaluate(read_conditions(input, ""), object.etag, object.modified);
  if (verdict == Verdict::failed) {
    call.error_details.emplace_back("Condition", input["IfMatch"].is_string() ? "If-Match" : "If-Unmodified-Since");
    return precondition_failed();
  }
  if (verdict == Verdict::not_modified) {
    drop_content(out.members);
    out.response.emplace();
    out.response->status = 304;
    return reading;
  }
  const auto part = parse_range(input["Range"].string_or(), object.size);
  if (!part) {
    call.error_details.emplace_back("ActualObjectSize", std::to_string(object.size));
    return fail(part.error());
  }
  reading.range = part->value_or(ByteRange{0, object.size});
  if (*part) {
    const ByteRange range = **part;
    out.response.emplace();
    out.response->status = 206;
    out.members.set("ContentRange",
                    fmt::format("bytes {}-{}/{}", range.offset, range.offset + range.length - 1, object.size));
    if (range.length != object.size) drop_checksums(out.members);
  }
  out.members.set("ContentLength", reading.range->length);
  return reading;
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
