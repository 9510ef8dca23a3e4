#include "sagemaker/ops/ops.h"

#include "base/strings.h"

namespace millrace::sagemaker {

aws::Operation delete_tags(Ops& ops) {
  return {"DeleteTags",
          "sagemaker:DeleteTags",
          [](const aws::Call&, const Value& input) -> std::vector<std::string> {
            return {to_lower(input["ResourceArn"].string_or())};
          },
          [&ops](aws::Call&, const Value& input) -> Result<aws::Output> {
            const std::string arn = to_lower(input["ResourceArn"].string_or());
            MR_TRY(check_tagged(ops, arn));
            std::vector<std::string> keys;
            for (const auto& key : input["TagKeys"].items()) keys.push_back(key.string_or());
            MR_TRY(ops.dependencies.store.remove_tags(arn, keys));
            return aws::Output();
          },
          {},
          tagging_keys()};
}

}  // namespace millrace::sagemaker
