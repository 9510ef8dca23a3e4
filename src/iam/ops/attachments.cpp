// Attaching, detaching and listing managed policies for users, roles and groups: one behaviour, three kinds.

#include <fmt/core.h>

#include "iam/context.h"
#include "iam/managed_policies.h"

namespace millrace::iam {
namespace {

struct Kind {
  const char *kind, *member, *quota;
};
constexpr Kind kUser{"user", "UserName", "PoliciesPerUser"}, kRole{"role", "RoleName", "PoliciesPerRole"},
    kGroup{"group", "GroupName", "PoliciesPerGroup"};

struct Named {
  std::string name, path, arn;
};

Result<Named> policy_named(Context& context, const std::string& arn) {
  if (const ManagedPolicy* managed = managed_policy(arn))
    return Named{std::string(managed->name), std::string(managed->path), arn};
  const auto policy = context.find_or_fail("policy", arn);
  if (policy) return Named{policy->data["policy_name"].string_or(), policy->path, policy->arn};
  if (policy.error().code != Code::not_found) return tl::unexpected<Error>(policy.error());
  return no_such_entity(fmt::format("Policy {} does not exist or is not attachable.", arn));
}

aws::Handle attach(Context& context, Kind kind) {
  return [&context, kind](aws::Call& call, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.find_modifiable(kind.kind, input[kind.member].string_or()));
    const Named policy = MR_TRY(policy_named(context, input["PolicyArn"].string_or()));
    const std::string &arn = policy.arn, links = std::string("attached-") + kind.kind;
    if (policy.path.starts_with(kServiceLinkedPath)) {
      return fail(Code::invalid_argument, "Cannot attach a Service Role Policy to a Customer Role.",
                  "PolicyNotAttachable");
    }
    const bool there = MR_TRY(context.store.find_link(links, owner.name, arn)).has_value();
    if (!there && MR_TRY(context.store.links_of(links, owner.name)).size() >= kAttachedPoliciesQuota)
      return quota_exceeded(kind.quota, kAttachedPoliciesQuota);
    if (!there) MR_TRY(context.store.link(links, {owner.name, arn, "", call.now}));
    return aws::Output();
  };
}

aws::Handle detach(Context& context, Kind kind) {
  return [&context, kind](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.find_modifiable(kind.kind, input[kind.member].string_or()));
    const std::string arn = input["PolicyArn"].string_or();
    bool was_there = false;
    MR_TRY(context.store.unlink(std::string("attached-") + kind.kind, owner.name, arn, was_there));
    if (!was_there) return no_such_entity(fmt::format("Policy {} was not found.", arn));
    return aws::Output();
  };
}

aws::Handle list(Context& context, Kind kind) {
  return [&context, kind](aws::Call&, const Value& input) -> Result<aws::Output> {
    const Entity owner = MR_TRY(context.find_or_fail(kind.kind, input[kind.member].string_or()));
    const std::string prefix = input["PathPrefix"].string_or("/");
    std::vector<Value> policies;
    for (const Link& link : MR_TRY(context.store.links_of(std::string("attached-") + kind.kind, owner.name))) {
      const Named policy = MR_TRY(policy_named(context, link.target));
      if (policy.path.starts_with(prefix))
        policies.push_back(Value::object({{"PolicyName", policy.name}, {"PolicyArn", link.target}}));
    }
    return page(input, "AttachedPolicies", std::move(policies), "PolicyArn");
  };
}

}  // namespace

Operations attachment_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Kind kind, aws::Handle handle) {
    add_on(operations, context, name, action, kind.kind, kind.member, std::move(handle));
  };
  on("AttachUserPolicy", "iam:AttachUserPolicy", kUser, attach(context, kUser));
  on("AttachRolePolicy", "iam:AttachRolePolicy", kRole, attach(context, kRole));
  on("AttachGroupPolicy", "iam:AttachGroupPolicy", kGroup, attach(context, kGroup));
  on("DetachUserPolicy", "iam:DetachUserPolicy", kUser, detach(context, kUser));
  on("DetachRolePolicy", "iam:DetachRolePolicy", kRole, detach(context, kRole));
  on("DetachGroupPolicy", "iam:DetachGroupPolicy", kGroup, detach(context, kGroup));
  on("ListAttachedUserPolicies", "iam:ListAttachedUserPolicies", kUser, list(context, kUser));
  on("ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", kRole, list(context, kRole));
  on("ListAttachedGroupPolicies", "iam:ListAttachedGroupPolicies", kGroup, list(context, kGroup));
  return operations;
}

}  // namespace millrace::iam
