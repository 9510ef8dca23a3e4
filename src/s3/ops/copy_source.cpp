#include "base/encode.h"
#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

// "bucket/key" or "/bucket/key", percent-encoded, perhaps with ?versionId=…
Result<CopySource> copy_source(const Value& input) {
  std::string text = input["CopySource"].string_or();
  const auto question = text.find("?versionId=");
  if (question != std::string::npos) {
    if (text.substr(question) != "?versionId=null") return invalid_argument("Invalid version id specified");
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
  return CopySource{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
}

aws::MoreChecks may_read_copy_source() {
  return [](const aws::Call&, const Value& input) -> Result<std::vector<aws::Check>> {
    const CopySource source = MR_TRY(copy_source(input));
    std::vector<aws::Check> checks{{"s3:GetObject", object_arn(source.bucket, source.key), {}}};
    if (!input["Tagging"].string_or().empty()) {
      checks.push_back({"s3:PutObjectTagging", object_arn(bucket_of(input), key_of(input)), {}});
    }
    return checks;
  };
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
