#include "s3/ops/ops.h"

namespace millrace::s3::ops {

aws::Operation put_object_tagging(Store& store) {
  return with_version(
      {"PutObjectTagging",
       "s3:PutObjectTagging",
       on_object(),
       [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
         MR_TRY(refuse_unsupported(input));
         MR_TRY(store.set_object_tags(bucket_of(input), key_of(input),
                                      MR_TRY(tags_from_set(input["Tagging"]["TagSet"], kMaxObjectTags))));
         return aws::Output();
       },
       {},
       [](const aws::Call&, const Value& input) {
         // Tags that cannot be read are refused by the handler.
         const auto tags = tags_from_set(input["Tagging"]["TagSet"], kMaxObjectTags);
         return tags ? request_tag_keys(*tags) : decltype(aws::Check::keys){};
       }},
      "s3:PutObjectVersionTagging");
}

}  // namespace millrace::s3::ops
