// Tags of users, roles, policies and instance profiles: one behaviour, four kinds.

#include "base/strings.h"
#include "iam/context.h"
#include "iam/managed_policies.h"

namespace millrace::iam {
namespace {

aws::Handle tag(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.find_modifiable(kind, input[member].string_or()));
    MR_TRY(add_tags(entity, input["Tags"]));
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

aws::Handle untag(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.find_modifiable(kind, input[member].string_or()));
    Value& tags = entity.data.child("tags");
    for (const Value& key : input["TagKeys"].items()) {
      for (const auto& [name, value] : Value::Object(tags.members())) {
        if (equals_ignore_case(name, key.string_or())) tags.erase(name);
      }
    }
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

aws::Handle list(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    const std::string name = input[member].string_or();
    if (kind == "policy" && managed_policy(name) != nullptr) return page(input, "Tags", {}, "Key");
    const Value tags = tags_of(MR_TRY(context.find_or_fail(kind, name)));
    return page(input, "Tags", tags.items(), "Key");
  };
}

}  // namespace

Operations tag_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, const char* kind, const char* member,
                      aws::Handle (*handle)(Context&, std::string, std::string)) {
    add_on(operations, context, name, action, kind, member, handle(context, kind, member));
  };
  on("TagUser", "iam:TagUser", "user", "UserName", tag);
  on("TagRole", "iam:TagRole", "role", "RoleName", tag);
  on("TagPolicy", "iam:TagPolicy", "policy", "PolicyArn", tag);
  on("TagInstanceProfile", "iam:TagInstanceProfile", "profile", "InstanceProfileName", tag);
  on("UntagUser", "iam:UntagUser", "user", "UserName", untag);
  on("UntagRole", "iam:UntagRole", "role", "RoleName", untag);
  on("UntagPolicy", "iam:UntagPolicy", "policy", "PolicyArn", untag);
  on("UntagInstanceProfile", "iam:UntagInstanceProfile", "profile", "InstanceProfileName", untag);
  on("ListUserTags", "iam:ListUserTags", "user", "UserName", list);
  on("ListRoleTags", "iam:ListRoleTags", "role", "RoleName", list);
  on("ListPolicyTags", "iam:ListPolicyTags", "policy", "PolicyArn", list);
  on("ListInstanceProfileTags", "iam:ListInstanceProfileTags", "profile", "InstanceProfileName", list);
  return operations;
}

}  // namespace millrace::iam
