#include "logs/ops/tagging.h"

namespace millrace::logs::ops {
namespace {

// `member`: of the request, the list of keys.
aws::Operation untagging(Store& store, const char* name, aws::IamAction action, aws::Resources resources,
                         const char* member) {
  const auto keys_of = [member](const Value& input) {
    std::vector<std::string> keys;
    for (const Value& key : input[member].items()) keys.push_back(key.string_or());
    return keys;
  };
  return {name,
          action,
          std::move(resources),
          [&store, keys_of](aws::Call& call, const Value& input) -> Result<aws::Output> {
            MR_TRY(store.remove_tags(MR_TRY(tagged_group(call, input)), keys_of(input)));
            return aws::Output();
          },
          {},
          [keys_of](const aws::Call&, const Value& input) {
            decltype(aws::Check::keys) keys;
            if (auto names = keys_of(input); !names.empty()) keys.push_back({"aws:TagKeys", std::move(names)});
            return keys;
          }};
}

}  // namespace

aws::Operation untag_resource(Store& store) {
  return untagging(store, "UntagResource", "logs:UntagResource", on_tagged(), "tagKeys");
}

aws::Operation untag_log_group(Store& store) {
  return untagging(store, "UntagLogGroup", "logs:UntagLogGroup", on_tagged_group(), "tags");
}

}  // namespace millrace::logs::ops
