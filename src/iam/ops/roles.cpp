#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

constexpr std::int64_t kSessionDefault = 3600;  // seconds

Result<aws::Output> create_role(Context& context, aws::Call& call, const Value& input) {
  Entity role;
  role.kind = "role";
  role.name = input["RoleName"].string_or();
  role.path = input["Path"].string_or("/");
  if (role.path.starts_with(kServiceLinkedPath)) {
    return invalid_input(
        fmt::format("The path {} is kept for service-linked roles; make those with "
                    "CreateServiceLinkedRole.",
                    kServiceLinkedPath));
  }
  MR_TRY(set_trust(context, role, input["AssumeRolePolicyDocument"].string_or()));
  role.id = new_id("AROA");
  role.arn = context.arn("role", role.path, role.name);
  role.created = call.now;
  role.data.set("max_session", input["MaxSessionDuration"].int_or(kSessionDefault));
  if (input["Description"].is_string()) role.data.set("description", input["Description"]);
  role.data.set_if(input["MaxSigninSessionDuration"].is_number(), "max_signin", input["MaxSigninSessionDuration"]);
  if (input["PermissionsBoundary"].is_string())
    MR_TRY(set_boundary(context, role, input["PermissionsBoundary"].as_string()));
  MR_TRY(add_tags(role, input["Tags"]));
  if (MR_TRY(context.store.count("role")) >= kRolesQuota) return quota_exceeded("RolesPerAccount", kRolesQuota);
  MR_TRY(inserted(context.store.insert(role), fmt::format("Role with name {} already exists.", role.name)));
  Value value = MR_TRY(role_value(context, role));
  value.erase("RoleLastUsed");
  return Value::object({{"Role", std::move(value)}});
}

Result<aws::Output> get_role(Context& context, aws::Call&, const Value& input) {
  const Entity role = MR_TRY(context.find_or_fail("role", input["RoleName"].string_or()));
  return Value::object({{"Role", MR_TRY(role_value(context, role))}});
}

Result<aws::Output> list_roles(Context& context, aws::Call&, const Value& input) {
  std::vector<Value> roles;
  for (const Entity& role : MR_TRY(context.store.list("role", input["PathPrefix"].string_or("/"))))
    roles.push_back(MR_TRY(role_value(context, role, Detail::listed)));
  return page(input, "Roles", std::move(roles), "RoleName");
}

// A duration that is not given becomes the default again (API reference, UpdateRole).
Result<aws::Output> update_role(Context& context, aws::Call&, const Value& input) {
  Entity role = MR_TRY(context.find_modifiable("role", input["RoleName"].string_or()));
  if (input["Description"].is_string()) role.data.set("description", input["Description"]);
  role.data.set("max_session", input["MaxSessionDuration"].int_or(kSessionDefault));
  role.data.set_if(input["MaxSigninSessionDuration"].is_number(), "max_signin", input["MaxSigninSessionDuration"]);
  if (input["ResetMaxSigninSessionDuration"].bool_or(false)) role.data.erase("max_signin");
  MR_TRY(context.store.replace(role.name, role));
  return aws::Output();
}

// The one change that a service-linked role allows.
Result<aws::Output> update_role_description(Context& context, aws::Call&, const Value& input) {
  Entity role = MR_TRY(context.find_or_fail("role", input["RoleName"].string_or()));
  role.data.set("description", input["Description"].string_or());
  MR_TRY(context.store.replace(role.name, role));
  return Value::object({{"Role", MR_TRY(role_value(context, role))}});
}

Result<aws::Output> update_trust(Context& context, aws::Call&, const Value& input) {
  Entity role = MR_TRY(context.find_modifiable("role", input["RoleName"].string_or()));
  MR_TRY(set_trust(context, role, input["PolicyDocument"].string_or()));
  MR_TRY(context.store.replace(role.name, role));
  return aws::Output();
}

Result<aws::Output> delete_role(Context& context, aws::Call&, const Value& input) {
  const Entity role = MR_TRY(context.find_modifiable("role", input["RoleName"].string_or()));
  if (!MR_TRY(context.store.links_to("profile-role", role.name)).empty())
    return delete_conflict("Cannot delete entity, must remove roles from instance profile first.");
  if (!MR_TRY(context.store.links_of("attached-role", role.name)).empty())
    return delete_conflict("Cannot delete entity, must detach all policies first.");
  if (!MR_TRY(context.store.links_of("inline-role", role.name)).empty())
    return delete_conflict("Cannot delete entity, must delete policies first.");
  MR_TRY(context.store.erase("role", role.name));
  return aws::Output();
}

}  // namespace

Operations role_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "role", "RoleName", bound(context, handler));
  };
  add_making(operations, context, "CreateRole", "iam:CreateRole", "role", "RoleName", "iam:TagRole",
             bound(context, create_role));
  on("GetRole", "iam:GetRole", get_role);
  add_plain(operations, "ListRoles", "iam:ListRoles", on_path(context, "role"), bound(context, list_roles));
  on("UpdateRole", "iam:UpdateRole", update_role);
  on("UpdateRoleDescription", "iam:UpdateRoleDescription", update_role_description);
  on("UpdateAssumeRolePolicy", "iam:UpdateAssumeRolePolicy", update_trust);
  on("DeleteRole", "iam:DeleteRole", delete_role);
  return operations;
}

}  // namespace millrace::iam
