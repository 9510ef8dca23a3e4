#include "sagemaker/ops/ops.h"

#include "base/strings.h"

namespace millrace::sagemaker {

aws::Operation list_tags(Ops& ops) {
  return {"ListTags", "sagemaker:ListTags",
          [](const aws::Call&, const Value& input) -> std::vector<std::string> {
            return {to_lower(input["ResourceArn"].string_or())};
          },
          [&ops](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string arn = to_lower(input["ResourceArn"].string_or());
            MR_TRY(check_tagged(ops, arn));
            // A resource has at most 50 tags: they always fit on one page.
            return aws::Output(Value::object({{"Tags", tags_to_list(MR_TRY(ops.dependencies.store.tags(arn)))}}));
          }};
}

}  // namespace millrace::sagemaker
