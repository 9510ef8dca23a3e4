// GetAccountAuthorizationDetails: every user, group, role and policy with all that bears on it.

#include <algorithm>

#include "base/strings.h"
#include "iam/context.h"
#include "iam/managed_policies.h"
#include "iam/ops/managed.h"

namespace millrace::iam {
namespace {

Result<Value> inline_policies(Context& context, const std::string& kind, const std::string& owner) {
  Value list = Value::array();
  for (const Link& link : MR_TRY(context.store.links_of("inline-" + kind, owner)))
    list.push(Value::object({{"PolicyName", link.target}, {"PolicyDocument", url_encoded(link.data)}}));
  return list;
}

Result<Value> attached_policies(Context& context, const std::string& kind, const std::string& owner) {
  Value list = Value::array();
  for (const Link& link : MR_TRY(context.store.links_of("attached-" + kind, owner))) {
    const std::size_t slash = link.target.rfind('/');
    list.push(Value::object({{"PolicyName", link.target.substr(slash + 1)}, {"PolicyArn", link.target}}));
  }
  return list;
}

Result<Value> user_detail(Context& context, const Entity& user) {
  Value detail = user_value(user);
  if (!detail.has("Tags")) detail.set("Tags", Value::array());
  Value groups = Value::array();
  for (const Link& membership : MR_TRY(context.store.links_to("member", user.name))) groups.push(membership.owner);
  detail.set("GroupList", std::move(groups));
  detail.set("UserPolicyList", MR_TRY(inline_policies(context, "user", user.name)));
  detail.set("AttachedManagedPolicies", MR_TRY(attached_policies(context, "user", user.name)));
  return detail;
}

Result<Value> group_detail(Context& context, const Entity& group) {
  Value detail = group_value(group);
  detail.set("GroupPolicyList", MR_TRY(inline_policies(context, "group", group.name)));
  detail.set("AttachedManagedPolicies", MR_TRY(attached_policies(context, "group", group.name)));
  return detail;
}

Result<Value> role_detail(Context& context, const Entity& role) {
  Value detail = MR_TRY(role_value(context, role));
  detail.erase("Description");
  detail.erase("MaxSessionDuration");
  detail.erase("MaxSigninSessionDuration");
  if (!detail.has("Tags")) detail.set("Tags", Value::array());
  Value profiles = Value::array();
  for (const Link& link : MR_TRY(context.store.links_to("profile-role", role.name)))
    profiles.push(MR_TRY(profile_value(context, MR_TRY(context.find_or_fail("profile", link.owner)), Detail::listed)));
  detail.set("InstanceProfileList", std::move(profiles));
  detail.set("RolePolicyList", MR_TRY(inline_policies(context, "role", role.name)));
  detail.set("AttachedManagedPolicies", MR_TRY(attached_policies(context, "role", role.name)));
  return detail;
}

Result<Value> policy_detail(Context& context, const PolicyUses& uses, const Entity& policy) {
  Value detail = uses.value(policy), versions = Value::array();
  for (const Link& version : MR_TRY(versions_of(context, policy.arn)))
    versions.push(version_value(policy, version, true));
  detail.set("PolicyVersionList", std::move(versions));
  return detail;
}

Value policy_detail(const PolicyUses& uses, const ManagedPolicy& policy) {
  Value detail = uses.value(policy);
  detail.set("PolicyVersionList", Value::array({version_value(policy, true)}));
  return detail;
}

// One sequence of small references, of which only those of this page are filled.
Result<aws::Output> details(Context& context, aws::Call&, const Value& input) {
  const auto wanted = [&](std::string_view type) {
    if (input["Filter"].empty()) return true;
    for (const Value& filter : input["Filter"].items()) {
      if (filter.string_or() == type) return true;
    }
    return false;
  };
  struct Kind {
    const char *kind, *filter, *list;
  };
  constexpr Kind kKinds[] = {{"user", "User", "UserDetailList"},
                             {"group", "Group", "GroupDetailList"},
                             {"role", "Role", "RoleDetailList"},
                             {"policy", "LocalManagedPolicy", "Policies"}};
  std::vector<Value> references;
  const auto refer = [&](int rank, const char* kind, const char* list, const std::string& name) {
    references.push_back(
        Value::object({{"key", std::to_string(rank) + name}, {"kind", kind}, {"list", list}, {"name", name}}));
  };
  int rank = 0;
  for (const Kind& kind : kKinds) {
    ++rank;
    if (!wanted(kind.filter)) continue;
    for (const Entity& entity : MR_TRY(context.store.list(kind.kind, "/")))
      refer(rank, kind.kind, kind.list, entity.name);
  }
  const PolicyUses uses = MR_TRY(PolicyUses::of(context));
  if (wanted("AWSManagedPolicy")) {
    // Of AWS's policies, those that somebody here uses.
    for (const ManagedPolicy& policy : managed_policies()) {
      if (uses.attached(policy.arn) + uses.bounding(policy.arn) > 0) refer(rank, "aws", "Policies", policy.arn);
    }
  }
  const Value paged = MR_TRY(page(input, "References", std::move(references), "key"));
  Value output = Value::object({{"UserDetailList", Value::array()},
                                {"GroupDetailList", Value::array()},
                                {"RoleDetailList", Value::array()},
                                {"Policies", Value::array()},
                                {"IsTruncated", paged["IsTruncated"]}});
  for (const Value& reference : paged["References"].items()) {
    const std::string kind = reference["kind"].string_or(), name = reference["name"].string_or();
    Value& list = output.child(reference["list"].string_or());
    if (kind == "aws") {
      list.push(policy_detail(uses, *managed_policy(name)));
      continue;
    }
    const auto entity = MR_TRY(context.store.find(kind, name));
    if (!entity) continue;  // deleted since
    if (kind == "user") list.push(MR_TRY(user_detail(context, *entity)));
    if (kind == "group") list.push(MR_TRY(group_detail(context, *entity)));
    if (kind == "role") list.push(MR_TRY(role_detail(context, *entity)));
    if (kind == "policy") list.push(MR_TRY(policy_detail(context, uses, *entity)));
  }
  output.set_if(paged.has("Marker"), "Marker", paged["Marker"]);
  return output;
}

}  // namespace

Operations authorization_details_operation(Context& context) {
  Operations operations;
  add_plain(operations, "GetAccountAuthorizationDetails", "iam:GetAccountAuthorizationDetails", aws::any_resource(),
            bound(context, details));
  return operations;
}

}  // namespace millrace::iam
