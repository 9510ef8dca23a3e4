// What hangs on an entity and how it is shown: tags, the boundary, the members of an answer.

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/context.h"
#include "iam/managed_policies.h"
#include "iam/policy/document.h"
#include "iam/policy/identity_rules.h"

namespace millrace::iam {
namespace {

Value common_value(const Entity& entity, const std::string& name_member, const std::string& id_member) {
  return Value::object({{"Path", entity.path},
                        {name_member, entity.name},
                        {id_member, entity.id},
                        {"Arn", entity.arn},
                        {"CreateDate", to_epoch_seconds(entity.created)}});
}

// Where AWS gives iam:PermissionsBoundary: what changes the permissions of a user or role, and what reads or changes a
// role itself. Source: Service Authorization Reference, IAM.
constexpr std::array<std::string_view, 17> kOfBoundary = {
    "PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary", "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary", "AttachUserPolicy", "AttachRolePolicy", "DetachUserPolicy", "DetachRolePolicy",
    "PutUserPolicy", "PutRolePolicy", "DeleteUserPolicy", "DeleteRolePolicy",
    // Of roles alone.
    "DeleteRole", "GetRole", "UpdateRole", "UpdateRoleDescription", "UpdateAssumeRolePolicy"};

bool speaks_of_boundary(const std::string& operation) {
  return std::ranges::find(kOfBoundary, operation) != kOfBoundary.end();
}

}  // namespace

decltype(aws::Check::keys) request_tag_keys(const Value& input) {
  decltype(aws::Check::keys) keys;
  std::vector<std::string> names;
  for (const Value& tag : input["Tags"].items()) {
    keys.push_back({"aws:RequestTag/" + tag["Key"].string_or(), {tag["Value"].string_or()}});
    names.push_back(tag["Key"].string_or());
  }
  for (const Value& key : input["TagKeys"].items()) names.push_back(key.string_or());
  if (!names.empty()) keys.push_back({"aws:TagKeys", std::move(names)});
  return keys;
}

aws::ConditionKeys keys_of(Context& context, std::string kind, std::string member) {
  return [&context, kind = std::move(kind), member = std::move(member)](const aws::Call& call, const Value& input) {
    auto keys = request_tag_keys(input);
    if (input["PolicyArn"].is_string() && kind != "policy")
      keys.push_back({"iam:PolicyARN", {context.policy_arn(input["PolicyArn"].as_string())}});
    std::string name = input[member].string_or();
    if (name.empty() && kind == "user" && call.principal.kind == aws::Principal::Kind::user) name = call.principal.name;
    const auto found = context.store.find(kind, name);
    const bool there = found && found->has_value();
    if (there) {
      for (const auto& [key, value] : (*found)->data["tags"].members()) {
        keys.push_back({"aws:ResourceTag/" + key, {value.string_or()}});
        if (kind == "user" || kind == "role") keys.push_back({"iam:ResourceTag/" + key, {value.string_or()}});
      }
    }
    if (speaks_of_boundary(call.operation)) {
      if (input["PermissionsBoundary"].is_string()) {
        keys.push_back({"iam:PermissionsBoundary", {context.policy_arn(input["PermissionsBoundary"].as_string())}});
      } else if (there && (*found)->data.has("boundary")) {
        keys.push_back({"iam:PermissionsBoundary", {(*found)->data["boundary"].string_or()}});
      }
    }
    return keys;
  };
}

Value tags_of(const Entity& entity) {
  Value::Object members = entity.data["tags"].members();
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Value tags = Value::array();
  for (const auto& [key, value] : members) tags.push(Value::object({{"Key", key}, {"Value", value}}));
  return tags;
}

Status add_tags(Entity& entity, const Value& tags) {
  if (tags.empty()) return {};
  std::vector<std::string> given;
  Value& held = entity.data.child("tags");
  for (const Value& tag : tags.items()) {
    const std::string key = tag["Key"].string_or(), folded = to_lower(key);
    if (folded.starts_with("aws:"))
      return invalid_input("Tag keys that begin with 'aws:' are reserved for use by AWS.");
    if (std::find(given.begin(), given.end(), folded) != given.end())
      return invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    given.push_back(folded);
    for (const auto& [name, value] : Value::Object(held.members())) {
      if (equals_ignore_case(name, key)) held.erase(name);
    }
    held.set(key, tag["Value"]);
  }
  if (held.size() > kTagsQuota) return limit_exceeded("The number of tags has reached the maximum limit.");
  return {};
}

Status set_boundary(Context& context, Entity& entity, const std::string& policy_arn) {
  std::string arn = policy_arn;
  if (managed_policy(policy_arn) == nullptr) {
    const auto policy = MR_TRY(context.store.find("policy", policy_arn));
    if (!policy) return no_such_entity(fmt::format("Scope ARN: {} does not exist or is not attachable.", policy_arn));
    arn = policy->arn;
  }
  entity.data.set("boundary", arn);
  return {};
}

Value boundary_value(const Entity& entity) {
  if (!entity.data.has("boundary")) return {};
  return Value::object({{"PermissionsBoundaryType", "Policy"}, {"PermissionsBoundaryArn", entity.data["boundary"]}});
}

Value user_value(const Entity& user, Detail detail) {
  Value value = common_value(user, "UserName", "UserId");
  if (detail == Detail::listed) return value;
  value.set_if(user.data.has("boundary"), "PermissionsBoundary", boundary_value(user));
  value.set_if(!user.data["tags"].empty(), "Tags", tags_of(user));
  return value;
}

Value group_value(const Entity& group) { return common_value(group, "GroupName", "GroupId"); }

Result<Value> role_value(Context& context, const Entity& role, Detail detail) {
  Value value = common_value(role, "RoleName", "RoleId");
  value.set("AssumeRolePolicyDocument", url_encoded(MR_TRY(trust_of(context, role))));
  value.set_if(role.data.has("description"), "Description", role.data["description"]);
  value.set("MaxSessionDuration", role.data["max_session"].int_or(3600));
  value.set_if(role.data.has("max_signin"), "MaxSigninSessionDuration", role.data["max_signin"]);
  if (detail == Detail::listed) return value;
  value.set_if(role.data.has("boundary"), "PermissionsBoundary", boundary_value(role));
  value.set_if(!role.data["tags"].empty(), "Tags", tags_of(role));
  Value used = Value::object();
  if (const auto use = MR_TRY(context.store.find_role_use(role.id)))
    used.set("LastUsedDate", to_epoch_seconds(use->at)).set("Region", use->region);
  value.set("RoleLastUsed", std::move(used));
  return value;
}

Result<Value> profile_value(Context& context, const Entity& profile, Detail detail) {
  Value roles = Value::array();
  for (const Link& link : MR_TRY(context.store.links_of("profile-role", profile.name)))
    roles.push(MR_TRY(role_value(context, MR_TRY(context.find_or_fail("role", link.target)), Detail::listed)));
  Value value = common_value(profile, "InstanceProfileName", "InstanceProfileId");
  value.set("Roles", std::move(roles));
  value.set_if(detail == Detail::whole && !profile.data["tags"].empty(), "Tags", tags_of(profile));
  return value;
}

Status check_identity_document(const std::string& document) {
  return policy::check_identity_rules(MR_TRY(policy::parse_document(document, policy::Kind::identity)),
                                      policy::Held::inlined);
}

}  // namespace millrace::iam
