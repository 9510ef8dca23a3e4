#include "base/encode.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

// "bucket/key" or "/bucket/key", percent-encoded, perhaps with ?versionId=…
Result<CopySource> copy_source(const Value& input) {
  std::string text = input["CopySource"].string_or(), version;
  constexpr std::string_view kVersion = "?versionId=";
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

Result<std::vector<aws::Check>> copy_source_checks(const Value& input) {
  const CopySource source = MR_TRY(copy_source(input));
  const std::string object = object_arn(source.bucket, source.key);
  if (source.version.empty()) return std::vector<aws::Check>{{"s3:GetObject", object, {}}};
  return std::vector<aws::Check>{{"s3:GetObjectVersion", object, {{"s3:versionid", {source.version}}}}};
}

Result<Store::Opened> open_copy_source(Store& store, const Value& input) {
  const CopySource source = MR_TRY(copy_source(input));
  auto opened = MR_TRY(store.open_object(source.bucket, source.key));
  const Conditions conditions = read_conditions(input, "CopySource");
  // A copy that need not be made is an error as well: there is nothing like 304 for it.
  if (evaluate(conditions, opened.object.etag, opened.object.modified) != Verdict::go_on) return precondition_failed();
  return opened;
}

}  // namespace millrace::s3::ops
