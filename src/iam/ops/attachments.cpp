// Attaching, detaching and listing managed policies for users, roles and groups: one behaviour, three kinds.

#include <fmt/core.h>

#include "iam/context.h"
#include "iam/managed_policies.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kAttachedQuota = 10;

Result<std::string> policy_name(Context& context, const std::string& arn) {
  if (const ManagedPolicy* managed = managed_policy(arn)) return std::string(managed->name);
  const auto policy = MR_TRY(context.store.find("policy", arn));
  if (!policy) return no_such_entity(fmt::format("Policy {} does not exist or is not attachable.", arn));
  return policy->data["policy_name"].string_or();
}

aws::Handle attach(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call& call, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.need(kind, input[member].string_or()));
    const std::string arn = input["PolicyArn"].string_or();
    MR_TRY(policy_name(context, arn));
    const auto attached = MR_TRY(context.store.links_of("attached-" + kind, owner.name));
    bool there = false;
    for (const Link& link : attached) there = there || link.target == arn;
    if (!there && attached.size() >= kAttachedQuota) {
      return limit_exceeded(fmt::format("Cannot exceed quota for PoliciesPer{}: {}",
                                        member.substr(0, member.size() - 4), kAttachedQuota));
    }
    MR_TRY(context.store.link("attached-" + kind, {owner.name, arn, "", call.now}));
    return aws::Output();
  };
}

aws::Handle detach(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.need(kind, input[member].string_or()));
    bool was_there = false;
    MR_TRY(context.store.unlink("attached-" + kind, owner.name, input["PolicyArn"].string_or(), was_there));
    if (!was_there) return no_such_entity(fmt::format("Policy {} was not found.", input["PolicyArn"].string_or()));
    return aws::Output();
  };
}

aws::Handle list(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.need(kind, input[member].string_or()));
    std::vector<Value> policies;
    for (const Link& link : MR_TRY(context.store.links_of("attached-" + kind, owner.name))) {
      policies.push_back(
          Value::object({{"PolicyName", MR_TRY(policy_name(context, link.target))}, {"PolicyArn", link.target}}));
    }
    return page(input, "AttachedPolicies", std::move(policies));
  };
}

// iam:PolicyARN, by which policies limit what may be attached.
aws::ConditionKeys policy_arn_key() {
  return [](const aws::Call&, const Value& input) {
    return decltype(aws::Check::keys){{"iam:PolicyARN", {input["PolicyArn"].string_or()}}};
  };
}

}  // namespace

void add_attachment_operations(Operations& operations, Context& context) {
  const auto user = on_entity(context, "user", "UserName"), role = on_entity(context, "role", "RoleName"),
             group = on_entity(context, "group", "GroupName");
  operations.push_back(
      {"AttachUserPolicy", "iam:AttachUserPolicy", user, attach(context, "user", "UserName"), {}, policy_arn_key()});
  operations.push_back(
      {"AttachRolePolicy", "iam:AttachRolePolicy", role, attach(context, "role", "RoleName"), {}, policy_arn_key()});
  operations.push_back({"AttachGroupPolicy",
                        "iam:AttachGroupPolicy",
                        group,
                        attach(context, "group", "GroupName"),
                        {},
                        policy_arn_key()});
  operations.push_back(
      {"DetachUserPolicy", "iam:DetachUserPolicy", user, detach(context, "user", "UserName"), {}, policy_arn_key()});
  operations.push_back(
      {"DetachRolePolicy", "iam:DetachRolePolicy", role, detach(context, "role", "RoleName"), {}, policy_arn_key()});
  operations.push_back({"DetachGroupPolicy",
                        "iam:DetachGroupPolicy",
                        group,
                        detach(context, "group", "GroupName"),
                        {},
                        policy_arn_key()});
  operations.push_back(
      {"ListAttachedUserPolicies", "iam:ListAttachedUserPolicies", user, list(context, "user", "UserName")});
  operations.push_back(
      {"ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", role, list(context, "role", "RoleName")});
  operations.push_back(
      {"ListAttachedGroupPolicies", "iam:ListAttachedGroupPolicies", group, list(context, "group", "GroupName")});
}

}  // namespace millrace::iam
