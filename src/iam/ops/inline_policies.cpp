// Inline policies of users, roles and groups: one behaviour, three kinds.

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/context.h"
#include "iam/policy_text.h"

namespace millrace::iam {
namespace {

struct Kind {
  const char *kind, *member;
  std::size_t quota;  // of all inline policies of one entity together
  std::string links() const { return std::string("inline-") + kind; }
};
constexpr Kind kUser{"user", "UserName", kUserPolicySizeQuota}, kRole{"role", "RoleName", kRolePolicySizeQuota},
    kGroup{"group", "GroupName", kGroupPolicySizeQuota};

tl::unexpected<Error> no_such_policy(const Kind& kind, const std::string& name) {
  return no_such_entity(fmt::format("The {} policy with name {} cannot be found.", kind.kind, name));
}

aws::Handle put(Context& context, Kind kind) {
  return [&context, kind](aws::Call& call, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.find_modifiable(kind.kind, input[kind.member].string_or()));
    const std::string name = input["PolicyName"].string_or(), document = input["PolicyDocument"].string_or();
    MR_TRY(check_identity_document(document));
    std::size_t size = significant_size(document);
    for (const Link& link : MR_TRY(context.store.links_of(kind.links(), owner.name))) {
      if (!equals_ignore_case(link.target, name)) size += significant_size(link.data);
    }
    if (size > kind.quota) {
      return limit_exceeded(
          fmt::format("Maximum policy size of {} bytes exceeded for {} {}", kind.quota, kind.kind, owner.name));
    }
    MR_TRY(context.store.link(kind.links(), {owner.name, name, document, call.now}));
    return aws::Output();
  };
}

aws::Handle get(Context& context, Kind kind) {
  return [&context, kind](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.find_or_fail(kind.kind, input[kind.member].string_or()));
    const std::string name = input["PolicyName"].string_or();
    const auto policy = MR_TRY(context.store.find_link(kind.links(), owner.name, name));
    if (!policy) return no_such_policy(kind, name);
    return Value::object(
        {{kind.member, owner.name}, {"PolicyName", policy->target}, {"PolicyDocument", url_encoded(policy->data)}});
  };
}

aws::Handle list(Context& context, Kind kind) {
  return [&context, kind](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.find_or_fail(kind.kind, input[kind.member].string_or()));
    std::vector<Value> names;
    for (const Link& link : MR_TRY(context.store.links_of(kind.links(), owner.name))) names.emplace_back(link.target);
    return page(input, "PolicyNames", std::move(names));
  };
}

aws::Handle erase(Context& context, Kind kind) {
  return [&context, kind](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.find_modifiable(kind.kind, input[kind.member].string_or()));
    const std::string name = input["PolicyName"].string_or();
    bool was_there = false;
    MR_TRY(context.store.unlink(kind.links(), owner.name, name, was_there));
    if (!was_there) return no_such_policy(kind, name);
    return aws::Output();
  };
}

}  // namespace

Operations inline_policy_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Kind kind, aws::Handle handle) {
    add_on(operations, context, name, action, kind.kind, kind.member, std::move(handle));
  };
  on("PutUserPolicy", "iam:PutUserPolicy", kUser, put(context, kUser));
  on("PutRolePolicy", "iam:PutRolePolicy", kRole, put(context, kRole));
  on("PutGroupPolicy", "iam:PutGroupPolicy", kGroup, put(context, kGroup));
  on("GetUserPolicy", "iam:GetUserPolicy", kUser, get(context, kUser));
  on("GetRolePolicy", "iam:GetRolePolicy", kRole, get(context, kRole));
  on("GetGroupPolicy", "iam:GetGroupPolicy", kGroup, get(context, kGroup));
  on("ListUserPolicies", "iam:ListUserPolicies", kUser, list(context, kUser));
  on("ListRolePolicies", "iam:ListRolePolicies", kRole, list(context, kRole));
  on("ListGroupPolicies", "iam:ListGroupPolicies", kGroup, list(context, kGroup));
  on("DeleteUserPolicy", "iam:DeleteUserPolicy", kUser, erase(context, kUser));
  on("DeleteRolePolicy", "iam:DeleteRolePolicy", kRole, erase(context, kRole));
  on("DeleteGroupPolicy", "iam:DeleteGroupPolicy", kGroup, erase(context, kGroup));
  return operations;
}

}  // namespace millrace::iam
