#include <fmt/core.h>

#include "iam/context.h"
#include "iam/policy/document.h"

namespace millrace::iam {

void add_role_operations(Operations& operations, Context& context) {
  const auto on_role = on_entity(context, "role", "RoleName");
  operations.push_back(
      {"CreateRole", "iam:CreateRole", on_role, [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
         MR_TRY(policy::parse_document(input["AssumeRolePolicyDocument"].string_or(), policy::Kind::trust));
         Entity role;
         role.kind = "role";
         role.name = input["RoleName"].string_or();
         role.path = input["Path"].string_or("/");
         role.id = new_id("AROA");
         role.arn = context.arn("role", role.path, role.name);
         role.created = call.now;
         role.data.set("trust", input["AssumeRolePolicyDocument"])
             .set("max_session", input["MaxSessionDuration"].int_or(3600));
         if (input["Description"].is_string()) role.data.set("description", input["Description"]);
         if (input["PermissionsBoundary"].is_string()) role.data.set("boundary", input["PermissionsBoundary"]);
         for (const Value& tag : input["Tags"].items())
           role.data.child("tags").set(tag["Key"].string_or(), tag["Value"]);
         const auto inserted = context.store.insert(role);
         if (!inserted && inserted.error().code == Code::already_exists) {
           return fail(Code::already_exists, fmt::format("Role with name {} already exists.", role.name),
                       "EntityAlreadyExists");
         }
         MR_TRY(Status(inserted));
         return Value::object({{"Role", role_value(role)}});
       }});
  operations.push_back(
      {"GetRole", "iam:GetRole", on_role, [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         return Value::object({{"Role", role_value(MR_TRY(context.need("role", input["RoleName"].string_or())))}});
       }});
  operations.push_back({"ListRoles", "iam:ListRoles",
                        [&context](const aws::Call&, const Value& input) {
                          return std::vector<std::string>{context.arn("role", input["PathPrefix"].string_or("/"), "")};
                        },
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          std::vector<Value> roles;
                          for (const Entity& role :
                               MR_TRY(context.store.list("role", input["PathPrefix"].string_or("/"))))
                            roles.push_back(role_value(role));
                          return page(input, "Roles", std::move(roles));
                        }});
  const auto update = [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity role = MR_TRY(context.need("role", input["RoleName"].string_or()));
    if (input["Description"].is_string()) role.data.set("description", input["Description"]);
    if (input["MaxSessionDuration"].is_integer()) role.data.set("max_session", input["MaxSessionDuration"]);
    MR_TRY(context.store.replace(role.name, role));
    return Value::object({{"Role", role_value(role)}});
  };
  operations.push_back({"UpdateRole", "iam:UpdateRole", on_role, update});
  operations.push_back({"UpdateRoleDescription", "iam:UpdateRoleDescription", on_role, update});
  operations.push_back({"UpdateAssumeRolePolicy", "iam:UpdateAssumeRolePolicy", on_role,
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          Entity role = MR_TRY(context.need("role", input["RoleName"].string_or()));
                          MR_TRY(policy::parse_document(input["PolicyDocument"].string_or(), policy::Kind::trust));
                          role.data.set("trust", input["PolicyDocument"]);
                          MR_TRY(context.store.replace(role.name, role));
                          return aws::Output();
                        }});
  operations.push_back(
      {"DeleteRole", "iam:DeleteRole", on_role, [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const Entity role = MR_TRY(context.need("role", input["RoleName"].string_or()));
         if (!MR_TRY(context.store.links_of("attached-role", role.name)).empty())
           return delete_conflict("Cannot delete entity, must detach all policies first.");
         if (!MR_TRY(context.store.links_of("inline-role", role.name)).empty())
           return delete_conflict("Cannot delete entity, must delete policies first.");
         if (!MR_TRY(context.store.links_to("profile-role", role.name)).empty()) {
           return delete_conflict("Cannot delete entity, must remove roles from instance profile first.");
         }
         MR_TRY(context.store.erase("role", role.name));
         return aws::Output();
       }});
}

}  // namespace millrace::iam
