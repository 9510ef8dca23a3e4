// Tags and permissions boundaries: what hangs on an entity.

#include "iam/context.h"
#include "iam/managed_policies.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kTagsQuota = 50;

aws::Handle tag(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.need(kind, input[member].string_or()));
    for (const Value& item : input["Tags"].items())
      entity.data.child("tags").set(item["Key"].string_or(), item["Value"]);
    if (entity.data["tags"].size() > kTagsQuota)
      return limit_exceeded("The number of tags has reached the maximum limit.");
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

aws::Handle untag(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.need(kind, input[member].string_or()));
    for (const Value& key : input["TagKeys"].items()) entity.data.child("tags").erase(key.string_or());
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

aws::Handle list(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity entity = MR_TRY(context.need(kind, input[member].string_or()));
    const Value tags = tags_of(entity);
    return page(input, "Tags", tags.items());
  };
}

aws::Handle put_boundary(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.need(kind, input[member].string_or()));
    const std::string arn = input["PermissionsBoundary"].string_or();
    if (managed_policy(arn) == nullptr) MR_TRY(context.need("policy", arn));
    entity.data.set("boundary", arn);
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

aws::Handle delete_boundary(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.need(kind, input[member].string_or()));
    entity.data.erase("boundary");
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

}  // namespace

void add_tag_operations(Operations& operations, Context& context) {
  const auto user = on_entity(context, "user", "UserName"), role = on_entity(context, "role", "RoleName"),
             policy = on_entity(context, "policy", "PolicyArn");
  operations.push_back({"TagUser", "iam:TagUser", user, tag(context, "user", "UserName")});
  operations.push_back({"TagRole", "iam:TagRole", role, tag(context, "role", "RoleName")});
  operations.push_back({"TagPolicy", "iam:TagPolicy", policy, tag(context, "policy", "PolicyArn")});
  operations.push_back({"UntagUser", "iam:UntagUser", user, untag(context, "user", "UserName")});
  operations.push_back({"UntagRole", "iam:UntagRole", role, untag(context, "role", "RoleName")});
  operations.push_back({"UntagPolicy", "iam:UntagPolicy", policy, untag(context, "policy", "PolicyArn")});
  operations.push_back({"ListUserTags", "iam:ListUserTags", user, list(context, "user", "UserName")});
  operations.push_back({"ListRoleTags", "iam:ListRoleTags", role, list(context, "role", "RoleName")});
  operations.push_back({"ListPolicyTags", "iam:ListPolicyTags", policy, list(context, "policy", "PolicyArn")});
  operations.push_back({"PutUserPermissionsBoundary", "iam:PutUserPermissionsBoundary", user,
                        put_boundary(context, "user", "UserName")});
  operations.push_back({"PutRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", role,
                        put_boundary(context, "role", "RoleName")});
  operations.push_back({"DeleteUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary", user,
                        delete_boundary(context, "user", "UserName")});
  operations.push_back({"DeleteRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", role,
                        delete_boundary(context, "role", "RoleName")});
}

}  // namespace millrace::iam
