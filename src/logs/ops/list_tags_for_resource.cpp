#include "logs/ops/tagging.h"

namespace millrace::logs::ops {
namespace {

aws::Operation listing(Store& store, const char* name, aws::IamAction action, aws::Resources resources) {
  return {name, action, std::move(resources), [&store](aws::Call& call, const Value& input) -> Result<aws::Output> {
            Value tags = Value::object();
            for (const auto& [key, value] : MR_TRY(store.tags(MR_TRY(tagged_group(call, input))))) tags.set(key, value);
            return aws::Output(Value::object({{"tags", std::move(tags)}}));
          }};
}

}  // namespace

aws::Operation list_tags_for_resource(Store& store) {
  return listing(store, "ListTagsForResource", "logs:ListTagsForResource", on_tagged());
}

aws::Operation list_tags_log_group(Store& store) {
  return listing(store, "ListTagsLogGroup", "logs:ListTagsLogGroup", on_tagged_group());
}

}  // namespace millrace::logs::ops
