#include "logs/ops/tagging.h"

namespace millrace::logs::ops {
namespace {

aws::Operation tagging(Store& store, const char* name, aws::IamAction action, aws::Resources resources,
                       const char* too_many) {
  return {name,
          action,
          std::move(resources),
          [&store, too_many](aws::Call& call, const Value& input) -> Result<aws::Output> {
            const std::string group = MR_TRY(tagged_group(call, input));
            MR_TRY(check_tags(input["tags"]));
            auto tagged = store.add_tags(group, input["tags"], kMostTags);
            if (!tagged && tagged.error().code == Code::resource_exhausted)
              return fail(Code::invalid_argument, std::move(tagged).error().message, too_many);
            MR_TRY(std::move(tagged));
            return aws::Output();
          },
          {},
          [](const aws::Call&, const Value& input) { return tag_keys(input["tags"]); }};
}

}  // namespace

aws::Operation tag_resource(Store& store) {
  return tagging(store, "TagResource", "logs:TagResource", on_tagged(), "TooManyTagsException");
}

aws::Operation tag_log_group(Store& store) {
  return tagging(store, "TagLogGroup", "logs:TagLogGroup", on_tagged_group(), "InvalidParameterException");
}

}  // namespace millrace::logs::ops
