#include "sagemaker/ops/ops.h"

#include "base/strings.h"

namespace millrace::sagemaker {

aws::Operation add_tags(Ops& ops) {
  return {"AddTags",
          "sagemaker:AddTags",
          [](const aws::Call&, const Value& input) -> std::vector<std::string> {
            return {to_lower(input["ResourceArn"].string_or())};
          },
          [&ops](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string arn = to_lower(input["ResourceArn"].string_or());
            MR_TRY(check_tagged(ops, arn));
            const Tags tags = MR_TRY(parse_tags(input["Tags"]));
            MR_TRY(ops.dependencies.store.add_tags(arn, tags));
            return aws::Output(Value::object({{"Tags", tags_to_list(MR_TRY(ops.dependencies.store.tags(arn)))}}));
          },
          {},
          tagging_keys()};
}

}  // namespace millrace::sagemaker
