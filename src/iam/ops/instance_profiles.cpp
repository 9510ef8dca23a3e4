#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

Result<Value> profile_value(Context& context, const Entity& profile) {
  Value roles = Value::array();
  for (const Link& link : MR_TRY(context.store.links_of("profile-role", profile.name)))
    roles.push(role_value(MR_TRY(context.need("role", link.target))));
  return Value::object({{"Path", profile.path},
                        {"InstanceProfileName", profile.name},
                        {"InstanceProfileId", profile.id},
                        {"Arn", profile.arn},
                        {"CreateDate", to_epoch_seconds(profile.created)},
                        {"Roles", std::move(roles)}});
}

}  // namespace

void add_instance_profile_operations(Operations& operations, Context& context) {
  const auto on_profile = on_entity(context, "profile", "InstanceProfileName");
  operations.push_back({"CreateInstanceProfile", "iam:CreateInstanceProfile", on_profile,
                        [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
                          Entity profile;
                          profile.kind = "profile";
                          profile.name = input["InstanceProfileName"].string_or();
                          profile.path = input["Path"].string_or("/");
                          profile.id = new_id("AIPA");
                          profile.arn = context.arn("profile", profile.path, profile.name);
                          profile.created = call.now;
                          const auto inserted = context.store.insert(profile);
                          if (!inserted && inserted.error().code == Code::already_exists) {
                            return fail(Code::already_exists,
                                        fmt::format("Instance Profile {} already exists.", profile.name),
                                        "EntityAlreadyExists");
                          }
                          MR_TRY(Status(inserted));
                          return Value::object({{"InstanceProfile", MR_TRY(profile_value(context, profile))}});
                        }});
  operations.push_back(
      {"GetInstanceProfile", "iam:GetInstanceProfile", on_profile,
       [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         return Value::object(
             {{"InstanceProfile",
               MR_TRY(profile_value(context,
                                    MR_TRY(context.need("profile", input["InstanceProfileName"].string_or()))))}});
       }});
  operations.push_back({"ListInstanceProfiles", "iam:ListInstanceProfiles", aws::any_resource(),
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          std::vector<Value> profiles;
                          for (const Entity& profile :
                               MR_TRY(context.store.list("profile", input["PathPrefix"].string_or("/"))))
                            profiles.push_back(MR_TRY(profile_value(context, profile)));
                          return page(input, "InstanceProfiles", std::move(profiles));
                        }});
  operations.push_back(
      {"ListInstanceProfilesForRole", "iam:ListInstanceProfilesForRole", on_entity(context, "role", "RoleName"),
       [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const Entity role = MR_TRY(context.need("role", input["RoleName"].string_or()));
         std::vector<Value> profiles;
         for (const Link& link : MR_TRY(context.store.links_to("profile-role", role.name))) {
           profiles.push_back(MR_TRY(profile_value(context, MR_TRY(context.need("profile", link.owner)))));
         }
         return page(input, "InstanceProfiles", std::move(profiles));
       }});
  operations.push_back({"AddRoleToInstanceProfile", "iam:AddRoleToInstanceProfile", on_profile,
                        [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
                          const Entity profile =
                              MR_TRY(context.need("profile", input["InstanceProfileName"].string_or()));
                          const Entity role = MR_TRY(context.need("role", input["RoleName"].string_or()));
                          if (!MR_TRY(context.store.links_of("profile-role", profile.name)).empty()) {
                            return limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
                          }
                          MR_TRY(context.store.link("profile-role", {profile.name, role.name, "", call.now}));
                          return aws::Output();
                        }});
  operations.push_back(
      {"RemoveRoleFromInstanceProfile", "iam:RemoveRoleFromInstanceProfile", on_profile,
       [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const Entity profile = MR_TRY(context.need("profile", input["InstanceProfileName"].string_or()));
         bool was_there = false;
         MR_TRY(context.store.unlink("profile-role", profile.name, input["RoleName"].string_or(), was_there));
         if (!was_there)
           return no_such_entity(fmt::format("The role with name {} cannot be found in the instance profile.",
                                             input["RoleName"].string_or()));
         return aws::Output();
       }});
  operations.push_back(
      {"DeleteInstanceProfile", "iam:DeleteInstanceProfile", on_profile,
       [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const Entity profile = MR_TRY(context.need("profile", input["InstanceProfileName"].string_or()));
         if (!MR_TRY(context.store.links_of("profile-role", profile.name)).empty())
           return delete_conflict("Cannot delete entity, must remove roles from instance profile first.");
         MR_TRY(context.store.erase("profile", profile.name));
         return aws::Output();
       }});
}

}  // namespace millrace::iam
