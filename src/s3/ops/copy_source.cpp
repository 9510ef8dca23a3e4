#include "base/encode.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {
namespace {

constexpr std::string_view kVersion = "?versionId=";

// The first of the source's conditions that does not hold, as its header.
std::string_view failed_condition(const Conditions& conditions, const Object& object) {
  const Conditions wanted{conditions.if_match, "", {}, conditions.if_unmodified_since};
  if (evaluate(wanted, object.etag, object.modified) != Verdict::go_on)
    return conditions.if_match.empty() ? "x-amz-copy-source-If-Unmodified-Since" : "x-amz-copy-source-If-Match";
  return conditions.if_none_match.empty() ? "x-amz-copy-source-If-Modified-Since" : "x-amz-copy-source-If-None-Match";
}

}  // namespace

// "bucket/key" or "/bucket/key", percent-encoded, perhaps with ?versionId=…
Result<CopySource> copy_source(const Value& input) {
  std::string text = input["CopySource"].string_or(), version;
  const auto question = text.find(kVersion);
  if (question != std::string::npos) {
    version = text.substr(question + kVersion.size());
    if (version != "null") return invalid_argument("Invalid version id specified");
    text.erase(question);
  }
  const auto decoded = percent_decode(text);
  if (!decoded) return invalid_argument("Invalid copy source encoding.");
  std::string_view rest = *decoded;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) {
    return invalid_argument("Invalid copy source object key");
  }
  return CopySource{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1)), std::move(version)};
}

Status normalise_copy_source(aws::Call& call, Value& input) {
  const auto source = copy_source(input);
  if (!source) {
    call.error_details.emplace_back("ArgumentName", "x-amz-copy-source");
    call.error_details.emplace_back("ArgumentValue", input["CopySource"].string_or());
    return fail(source.error());
  }
  input.set("CopySource", source->bucket + "/" + percent_encode(source->key, true) +
                              (source->version.empty() ? "" : std::string(kVersion) + source->version));
  return {};
}

Result<std::vector<aws::Check>> copy_source_checks(const Value& input) {
  const CopySource source = MR_TRY(copy_source(input));
  const std::string object = object_arn(source.bucket, source.key);
  if (source.version.empty()) return std::vector<aws::Check>{{"s3:GetObject", object, {}}};
  return std::vector<aws::Check>{{"s3:GetObjectVersion", object, {{"s3:versionid", {source.version}}}}};
}

Result<Store::Opened> open_copy_source(Store& store, aws::Call& call, const Value& input) {
  const CopySource source = MR_TRY(copy_source(input));
  auto opened = store.open_object(source.bucket, source.key);
  if (!opened) {
    const bool bucket = opened.error().reason == "NoSuchBucket";
    call.error_details.emplace_back(bucket ? "BucketName" : "Key", bucket ? source.bucket : source.key);
    return fail(absent_or_denied(call, source.bucket, std::move(opened).error()));
  }
  const Conditions conditions = read_conditions(input, "CopySource");
  // A copy that need not be made is an error as well: there is nothing like 304 for it.
  if (evaluate(conditions, opened->object.etag, opened->object.modified) == Verdict::go_on) return opened;
  call.error_details.emplace_back("Condition", failed_condition(conditions, opened->object));
  return precondition_failed();
}

}  // namespace millrace::s3::ops
