#include "s3/errors.h"
#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation delete_object(Store& store) {
  return with_version(
      {"DeleteObject", "s3:DeleteObject", on_object(),
       [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
         MR_TRY(refuse_unsupported(input));
         if (!input["IfMatchLastModifiedTime"].is_null() || !input["IfMatchSize"].is_null()) {
           return error_with("NotImplemented",
                             "x-amz-if-match-last-modified-time and -size are of directory buckets; here a deletion "
                             "takes If-Match with an ETag.");
         }
         MR_TRY(store.remove(bucket_of(input), {key_of(input)}, input["IfMatch"].string_or()));
         return aws::Output();
       },
       [](const aws::Call&, const Value& input) -> Result<std::vector<aws::Check>> {
         std::vector<aws::Check> checks;
         if (input["BypassGovernanceRetention"].bool_or(false))
           checks.push_back({"s3:BypassGovernanceRetention", object_arn(bucket_of(input), key_of(input)), {}});
         return checks;
       },
       [](const aws::Call&, const Value& input) {
         decltype(aws::Check::keys) keys;
         if (input["IfMatch"].is_string() && !names_version(input))
           keys.push_back({"s3:if-match", {input["IfMatch"].as_string()}});
         return keys;
       }},
      "s3:DeleteObjectVersion");
}

}  // namespace millrace::s3::ops
