// Inline policies of users, roles and groups: one behaviour, three kinds.

#include <fmt/core.h>

#include "iam/context.h"
#include "iam/policy/document.h"

namespace millrace::iam {
namespace {

tl::unexpected<Error> no_such_policy(const std::string& kind, const std::string& name) {
  return no_such_entity(fmt::format("The {} policy with name {} cannot be found.", kind, name));
}

aws::Handle put(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call& call, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.need(kind, input[member].string_or()));
    MR_TRY(policy::parse_document(input["PolicyDocument"].string_or(), policy::Kind::identity));
    MR_TRY(context.store.link("inline-" + kind, {owner.name, input["PolicyName"].string_or(),
                                                 input["PolicyDocument"].string_or(), call.now}));
    return aws::Output();
  };
}

aws::Handle get(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.need(kind, input[member].string_or()));
    const std::string name = input["PolicyName"].string_or();
    const auto policy = MR_TRY(context.store.find_link("inline-" + kind, owner.name, name));
    if (!policy) return no_such_policy(kind, name);
    return Value::object(
        {{member, owner.name}, {"PolicyName", policy->target}, {"PolicyDocument", url_encoded(policy->data)}});
  };
}

aws::Handle list(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.need(kind, input[member].string_or()));
    std::vector<Value> names;
    for (const Link& link : MR_TRY(context.store.links_of("inline-" + kind, owner.name)))
      names.emplace_back(link.target);
    return page(input, "PolicyNames", std::move(names));
  };
}

aws::Handle erase(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.need(kind, input[member].string_or()));
    bool was_there = false;
    MR_TRY(context.store.unlink("inline-" + kind, owner.name, input["PolicyName"].string_or(), was_there));
    if (!was_there) return no_such_policy(kind, input["PolicyName"].string_or());
    return aws::Output();
  };
}

}  // namespace

void add_inline_policy_operations(Operations& operations, Context& context) {
  const auto user = on_entity(context, "user", "UserName"), role = on_entity(context, "role", "RoleName"),
             group = on_entity(context, "group", "GroupName");
  operations.push_back({"PutUserPolicy", "iam:PutUserPolicy", user, put(context, "user", "UserName")});
  operations.push_back({"PutRolePolicy", "iam:PutRolePolicy", role, put(context, "role", "RoleName")});
  operations.push_back({"PutGroupPolicy", "iam:PutGroupPolicy", group, put(context, "group", "GroupName")});
  operations.push_back({"GetUserPolicy", "iam:GetUserPolicy", user, get(context, "user", "UserName")});
  operations.push_back({"GetRolePolicy", "iam:GetRolePolicy", role, get(context, "role", "RoleName")});
  operations.push_back({"GetGroupPolicy", "iam:GetGroupPolicy", group, get(context, "group", "GroupName")});
  operations.push_back({"ListUserPolicies", "iam:ListUserPolicies", user, list(context, "user", "UserName")});
  operations.push_back({"ListRolePolicies", "iam:ListRolePolicies", role, list(context, "role", "RoleName")});
  operations.push_back({"ListGroupPolicies", "iam:ListGroupPolicies", group, list(context, "group", "GroupName")});
  operations.push_back({"DeleteUserPolicy", "iam:DeleteUserPolicy", user, erase(context, "user", "UserName")});
  operations.push_back({"DeleteRolePolicy", "iam:DeleteRolePolicy", role, erase(context, "role", "RoleName")});
  operations.push_back({"DeleteGroupPolicy", "iam:DeleteGroupPolicy", group, erase(context, "group", "GroupName")});
}

}  // namespace millrace::iam
