#include "s3/ops/ops.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/hash.h"
#include "s3/errors.h"

namespace millrace::s3::ops {

std::string bucket_of(const Value& input) { return input["Bucket"].string_or(); }
std::string key_of(const Value& input) { return input["Key"].string_or(); }
std::string bucket_arn(std::string_view bucket) { return fmt::format("arn:aws:s3:::{}", bucket); }
std::string object_arn(std::string_view bucket, std::string_view key) {
  return fmt::format("arn:aws:s3:::{}/{}", bucket, key);
}

aws::Resources on_bucket() {
  return [](const aws::Call&, const Value& input) { return std::vector{bucket_arn(bucket_of(input))}; };
}

aws::Resources on_object() {
  return [](const aws::Call&, const Value& input) { return std::vector{object_arn(bucket_of(input), key_of(input))}; };
}

std::string quote_etag(std::string_view etag) { return fmt::format("\"{}\"", etag); }

std::string unquote_etag(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

Value seconds(Time t) { return to_epoch_seconds(t); }

Value owner(const aws::Call& call) { return Value::object({{"ID", sha256_hex(call.account)}}); }

std::string encoded(const Value& input, const std::string& text) {
  return input["EncodingType"].string_or() == "url" ? percent_encode(text, true) : text;
}

std::size_t page_size(const Value& input, std::string_view member) {
  return static_cast<std::size_t>(std::clamp<std::int64_t>(input[member].int_or(kPage), 0, kPage));
}

Status refuse_unsupported(const Value& input) {
  struct Refusal {
    std::string_view member, accepted, reason, message;
  };
  constexpr std::string_view kLock = "Object lock is not implemented", kAcl = "The bucket does not allow ACLs",
                             kNoAcl = "AccessControlListNotSupported";
  static constexpr std::array<Refusal, 20> kRefusals = {{
      {"ObjectLockMode", "", "NotImplemented", kLock},
      {"ObjectLockRetainUntilDate", "", "NotImplemented", kLock},
      {"ObjectLockLegalHoldStatus", "", "NotImplemented", kLock},
      {"ObjectLockEventHold", "", "NotImplemented", kLock},
      {"ObjectLockEventHoldDurationDays", "", "NotImplemented", kLock},
      {"ObjectLockEventHoldDurationYears", "", "NotImplemented", kLock},
      {"ObjectLockEnabledForBucket", "", "NotImplemented", kLock},
      {"WebsiteRedirectLocation", "", "NotImplemented", "Website redirects are not implemented"},
      {"WriteOffsetBytes", "", "NotImplemented", "Appending to an object is of directory buckets, which are not here"},
      {"BucketNamespace", "global", "NotImplemented", "Buckets have one namespace here"},
      {"ObjectOwnership", "BucketOwnerEnforced", "NotImplemented",
       "Here every bucket's owner owns its objects: BucketOwnerEnforced"},
      {"StorageClass", "STANDARD", "InvalidStorageClass", "The only storage class here is STANDARD"},
      {"VersionId", "null", "InvalidArgument", "Invalid version id specified"},
      {"ACL", "private", kNoAcl, kAcl},
      {"GrantFullControl", "", kNoAcl, kAcl},
      {"GrantRead", "", kNoAcl, kAcl},
      {"GrantReadACP", "", kNoAcl, kAcl},
      {"GrantWrite", "", kNoAcl, kAcl},
      {"GrantWriteACP", "", kNoAcl, kAcl},
      {"AnnotationDirective", "EXCLUDE", "NotImplemented", "Annotations are not implemented"},
  }};
  for (const Refusal& refusal : kRefusals) {
    const Value* value = input.find(refusal.member);
    if (value == nullptr || value->is_null() || (value->is_bool() && !value->as_bool())) continue;
    const std::string text = value->string_or();
    if (!refusal.accepted.empty() && text == refusal.accepted) continue;
    if (refusal.member == "ACL" && text == "bucket-owner-full-control") continue;  // what the owner has anyway
    return error_with(refusal.reason, std::string(refusal.message),
                      refusal.reason == "NotImplemented" ? Code::unimplemented : Code::invalid_argument);
  }
  return {};
}

}  // namespace millrace::s3::ops
