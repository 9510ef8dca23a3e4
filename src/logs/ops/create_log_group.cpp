#include "logs/ops/tagging.h"

namespace millrace::logs::ops {
namespace {

// Tags that a group is made with take the permission to tag it (API reference, CreateLogGroup); that one is decided on
// the group without what is in it (User Guide, "CloudWatch Logs resources and operations").
Result<std::vector<aws::Check>> tag_checks(const aws::Call& call, const Value& input) {
  std::vector<aws::Check> checks;
  if (auto keys = tag_keys(input["tags"]); !keys.empty())
    checks.push_back({"logs:TagResource", group_arn(call, group_name(input)), std::move(keys)});
  return checks;
}

// What is not kept with a group is refused, never dropped.
Status refuse_unkept(const Value& input) {
  if (!input["kmsKeyId"].string_or().empty())
    return invalid_parameter("Log groups are not encrypted here: create the group without kmsKeyId.");
  if (input["logGroupClass"].string_or("STANDARD") != "STANDARD")
    return invalid_parameter("The only log group class here is STANDARD.");
  if (input["deletionProtectionEnabled"].bool_or(false))
    return invalid_parameter("Log groups have no deletion protection here.");
  return {};
}

}  // namespace

aws::Operation create_log_group(Store& store) {
  return {"CreateLogGroup",
          "logs:CreateLogGroup",
          on_group(),
          [&store](aws::Call&, const Value& input) -> Result<aws::Output> {
            MR_TRY(refuse_unkept(input));
            MR_TRY(check_tags(input["tags"]));
            MR_TRY(store.create_group(group_name(input), input["tags"]));
            return aws::Output();
          },
          tag_checks,
          [](const aws::Call&, const Value& input) { return tag_keys(input["tags"]); }};
}

}  // namespace millrace::logs::ops
