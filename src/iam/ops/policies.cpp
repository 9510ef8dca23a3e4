// Managed policies, the account's own and AWS's beside them. What is in them: policy_versions.cpp.

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/context.h"
#include "iam/managed_policies.h"
#include "iam/ops/managed.h"
#include "iam/policy/identity_rules.h"
#include "iam/policy_text.h"

namespace millrace::iam {
namespace {

std::size_t count_in(const std::map<std::string, std::size_t>& counts, const std::string& arn) {
  const auto found = counts.find(to_lower(arn));
  return found == counts.end() ? 0 : found->second;
}

Result<aws::Output> create_policy(Context& context, aws::Call& call, const Value& input) {
  const std::string document = input["PolicyDocument"].string_or(), name = input["PolicyName"].string_or();
  MR_TRY(check_managed_document(document));
  Entity policy;
  policy.kind = "policy";
  policy.path = input["Path"].string_or("/");
  policy.arn = policy.name = context.arn("policy", policy.path, name);
  policy.id = new_id("ANPA");
  policy.created = call.now;
  policy.data.set("policy_name", name)
      .set("default_version", "v1")
      .set("next_version", 2)
      .set("updated", to_epoch_seconds(call.now));
  if (input["Description"].is_string()) policy.data.set("description", input["Description"]);
  MR_TRY(add_tags(policy, input["Tags"]));
  const std::string exists = fmt::format("A policy called {} already exists. Duplicate names are not allowed.", name);
  const auto others = MR_TRY(context.store.list("policy", "/"));
  for (const Entity& other : others) {
    if (equals_ignore_case(other.data["policy_name"].string_or(), name)) return already_exists(exists);
  }
  if (others.size() >= kPoliciesQuota) return quota_exceeded("PoliciesPerAccount", kPoliciesQuota);
  // The version first: a policy is never there without its document.
  MR_TRY(context.store.link("version", {policy.arn, "v1", document, call.now}));
  MR_TRY(inserted(context.store.insert(policy), exists));
  Value value = MR_TRY(PolicyUses::of(context)).value(policy);
  value.erase("Description");
  value.set_if(!policy.data["tags"].empty(), "Tags", tags_of(policy));
  return Value::object({{"Policy", std::move(value)}});
}

Result<aws::Output> get_policy(Context& context, aws::Call&, const Value& input) {
  const std::string arn = input["PolicyArn"].string_or();
  const PolicyUses uses = MR_TRY(PolicyUses::of(context));
  if (const ManagedPolicy* managed = managed_policy(arn)) {
    Value value = uses.value(*managed);
    value.set("Tags", Value::array());
    return Value::object({{"Policy", std::move(value)}});
  }
  const Entity policy = MR_TRY(context.find_or_fail("policy", arn));
  Value value = uses.value(policy);
  value.set("Tags", tags_of(policy));
  return Value::object({{"Policy", std::move(value)}});
}

Result<aws::Output> list_policies(Context& context, aws::Call&, const Value& input) {
  const std::string scope = input["Scope"].string_or("All"), prefix = input["PathPrefix"].string_or("/"),
                    usage = input["PolicyUsageFilter"].string_or();
  const PolicyUses uses = MR_TRY(PolicyUses::of(context));
  std::vector<Value> policies;
  if (scope != "AWS") {
    for (const Entity& policy : MR_TRY(context.store.list("policy", prefix))) {
      policies.push_back(uses.value(policy));
      policies.back().erase("Description");  // a listing leaves it out
    }
  }
  if (scope != "Local") {
    for (const ManagedPolicy& policy : managed_policies()) {
      if (policy.path.starts_with(prefix)) policies.push_back(uses.value(policy));
    }
  }
  const bool only_attached = input["OnlyAttached"].bool_or(false);
  std::erase_if(policies, [&](const Value& policy) {
    const bool attached = policy["AttachmentCount"].int_or(0) > 0,
               boundary = policy["PermissionsBoundaryUsageCount"].int_or(0) > 0;
    if (usage == "PermissionsPolicy" && !attached) return true;
    if (usage == "PermissionsBoundary" && !boundary) return true;
    return only_attached && !attached && !boundary;
  });
  return page(input, "Policies", std::move(policies), "Arn");
}

Result<aws::Output> delete_policy(Context& context, aws::Call&, const Value& input) {
  const Entity policy = MR_TRY(context.find_modifiable("policy", input["PolicyArn"].string_or()));
  const PolicyUses uses = MR_TRY(PolicyUses::of(context));
  if (uses.attached(policy.arn) > 0 || uses.bounding(policy.arn) > 0)
    return delete_conflict("Cannot delete a policy attached to entities.");
  if (MR_TRY(context.store.links_of("version", policy.arn)).size() > 1) {
    return delete_conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
        "The default version is deleted with the policy.");
  }
  MR_TRY(context.store.erase("policy", policy.name));
  return aws::Output();
}

// Users, groups and roles in one sequence, so that a page may end within any of them.
Result<aws::Output> list_entities(Context& context, aws::Call&, const Value& input) {
  const std::string arn = input["PolicyArn"].string_or(), filter = input["EntityFilter"].string_or(),
                    prefix = input["PathPrefix"].string_or("/"), usage = input["PolicyUsageFilter"].string_or();
  if (managed_policy(arn) == nullptr) MR_TRY(context.find_or_fail("policy", arn));
  struct Kind {
    const char *kind, *filter, *list, *name, *id;
  };
  constexpr Kind kKinds[] = {{"group", "Group", "PolicyGroups", "GroupName", "GroupId"},
                             {"role", "Role", "PolicyRoles", "RoleName", "RoleId"},
                             {"user", "User", "PolicyUsers", "UserName", "UserId"}};
  std::vector<Value> found;
  for (const Kind& kind : kKinds) {
    if (!filter.empty() && filter != kind.filter) continue;
    for (const Entity& entity : MR_TRY(context.store.list(kind.kind, prefix))) {
      const bool attached =
          MR_TRY(context.store.find_link(std::string("attached-") + kind.kind, entity.name, arn)).has_value();
      const bool bounded = entity.data["boundary"].string_or() == arn;
      if (usage == "PermissionsBoundary" ? !bounded : usage == "PermissionsPolicy" ? !attached : !attached && !bounded)
        continue;
      found.push_back(Value::object({{"list", kind.list},
                                     {"key", std::string(kind.kind) + "/" + entity.name},
                                     {"entity", Value::object({{kind.name, entity.name}, {kind.id, entity.id}})}}));
    }
  }
  const Value paged = MR_TRY(page(input, "Entities", std::move(found), "key"));
  Value output = Value::object({{"PolicyGroups", Value::array()},
                                {"PolicyUsers", Value::array()},
                                {"PolicyRoles", Value::array()},
                                {"IsTruncated", paged["IsTruncated"]}});
  for (const Value& item : paged["Entities"].items()) output.child(item["list"].string_or()).push(item["entity"]);
  output.set_if(paged.has("Marker"), "Marker", paged["Marker"]);
  return output;
}

}  // namespace

Status check_managed_document(const std::string& document) {
  const policy::Document parsed = MR_TRY(policy::parse_document(document, policy::Kind::identity));
  MR_TRY(policy::check_identity_rules(parsed, policy::Held::managed));
  if (significant_size(document) > kPolicySizeQuota) return quota_exceeded("PolicySize", kPolicySizeQuota);
  return {};
}

Result<PolicyUses> PolicyUses::of(Context& context) {
  PolicyUses uses;
  uses.attached_ = MR_TRY(context.store.count_by_target({"attached-user", "attached-role", "attached-group"}));
  for (const char* kind : {"user", "role"}) {
    for (const Entity& entity : MR_TRY(context.store.list(kind, "/"))) {
      if (entity.data.has("boundary")) ++uses.bounding_[to_lower(entity.data["boundary"].string_or())];
    }
  }
  return uses;
}

std::size_t PolicyUses::attached(const std::string& arn) const { return count_in(attached_, arn); }
std::size_t PolicyUses::bounding(const std::string& arn) const { return count_in(bounding_, arn); }

Value PolicyUses::value(const Entity& policy) const {
  Value value = Value::object({{"PolicyName", policy.data["policy_name"]},
                               {"PolicyId", policy.id},
                               {"Arn", policy.arn},
                               {"Path", policy.path},
                               {"DefaultVersionId", policy.data["default_version"]},
                               {"AttachmentCount", attached(policy.arn)},
                               {"PermissionsBoundaryUsageCount", bounding(policy.arn)},
                               {"IsAttachable", true},
                               {"CreateDate", to_epoch_seconds(policy.created)},
                               {"UpdateDate", policy.data["updated"]}});
  value.set_if(policy.data.has("description"), "Description", policy.data["description"]);
  return value;
}

Value PolicyUses::value(const ManagedPolicy& policy) const {
  return Value::object({{"PolicyName", policy.name},
                        {"PolicyId", policy.id},
                        {"Arn", policy.arn},
                        {"Path", policy.path},
                        {"DefaultVersionId", policy.version},
                        {"AttachmentCount", attached(policy.arn)},
                        {"PermissionsBoundaryUsageCount", bounding(policy.arn)},
                        {"IsAttachable", true},
                        {"CreateDate", to_epoch_seconds(policy.created)},
                        {"UpdateDate", to_epoch_seconds(policy.updated)}});
}

Operations policy_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "policy", "PolicyArn", bound(context, handler));
  };
  add_making(operations, context, "CreatePolicy", "iam:CreatePolicy", "policy", "PolicyName", "iam:TagPolicy",
             bound(context, create_policy));
  on("GetPolicy", "iam:GetPolicy", get_policy);
  add_plain(operations, "ListPolicies", "iam:ListPolicies", aws::any_resource(), bound(context, list_policies));
  on("DeletePolicy", "iam:DeletePolicy", delete_policy);
  on("ListEntitiesForPolicy", "iam:ListEntitiesForPolicy", list_entities);
  return operations;
}

}  // namespace millrace::iam
