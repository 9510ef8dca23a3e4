#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

Result<aws::Output> create(Context& context, aws::Call& call, const Value& input) {
  Entity profile;
  profile.kind = "profile";
  profile.name = input["InstanceProfileName"].string_or();
  profile.path = input["Path"].string_or("/");
  profile.id = new_id("AIPA");
  profile.arn = context.arn("profile", profile.path, profile.name);
  profile.created = call.now;
  MR_TRY(add_tags(profile, input["Tags"]));
  if (MR_TRY(context.store.count("profile")) >= kInstanceProfilesQuota)
    return quota_exceeded("InstanceProfilesPerAccount", kInstanceProfilesQuota);
  MR_TRY(inserted(context.store.insert(profile), fmt::format("Instance Profile {} already exists.", profile.name)));
  return Value::object({{"InstanceProfile", MR_TRY(profile_value(context, profile))}});
}

Result<aws::Output> get(Context& context, aws::Call&, const Value& input) {
  const Entity profile = MR_TRY(context.find_or_fail("profile", input["InstanceProfileName"].string_or()));
  return Value::object({{"InstanceProfile", MR_TRY(profile_value(context, profile))}});
}

Result<aws::Output> list(Context& context, aws::Call&, const Value& input) {
  std::vector<Value> profiles;
  for (const Entity& profile : MR_TRY(context.store.list("profile", input["PathPrefix"].string_or("/"))))
    profiles.push_back(MR_TRY(profile_value(context, profile, Detail::listed)));
  return page(input, "InstanceProfiles", std::move(profiles), "InstanceProfileName");
}

Result<aws::Output> list_for_role(Context& context, aws::Call&, const Value& input) {
  const Entity role = MR_TRY(context.find_or_fail("role", input["RoleName"].string_or()));
  std::vector<Value> profiles;
  for (const Link& link : MR_TRY(context.store.links_to("profile-role", role.name))) {
    profiles.push_back(
        MR_TRY(profile_value(context, MR_TRY(context.find_or_fail("profile", link.owner)), Detail::listed)));
  }
  return page(input, "InstanceProfiles", std::move(profiles), "InstanceProfileName");
}

Result<aws::Output> add_role(Context& context, aws::Call& call, const Value& input) {
  const Entity profile = MR_TRY(context.find_or_fail("profile", input["InstanceProfileName"].string_or()));
  const Entity role = MR_TRY(context.find_modifiable("role", input["RoleName"].string_or()));
  if (!MR_TRY(context.store.links_of("profile-role", profile.name)).empty())
    return quota_exceeded("InstanceSessionsPerInstanceProfile", 1);
  MR_TRY(context.store.link("profile-role", {profile.name, role.name, "", call.now}));
  return aws::Output();
}

Result<aws::Output> remove_role(Context& context, aws::Call&, const Value& input) {
  const Entity profile = MR_TRY(context.find_or_fail("profile", input["InstanceProfileName"].string_or()));
  const std::string role = input["RoleName"].string_or();
  bool was_there = false;
  MR_TRY(context.store.unlink("profile-role", profile.name, role, was_there));
  if (!was_there) return no_such_entity(fmt::format("The role with name {} cannot be found.", role));
  return aws::Output();
}

Result<aws::Output> erase(Context& context, aws::Call&, const Value& input) {
  const Entity profile = MR_TRY(context.find_or_fail("profile", input["InstanceProfileName"].string_or()));
  if (!MR_TRY(context.store.links_of("profile-role", profile.name)).empty())
    return delete_conflict("Cannot delete entity, must remove roles from instance profile first.");
  MR_TRY(context.store.erase("profile", profile.name));
  return aws::Output();
}

}  // namespace

Operations instance_profile_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "profile", "InstanceProfileName", bound(context, handler));
  };
  add_making(operations, context, "CreateInstanceProfile", "iam:CreateInstanceProfile", "profile",
             "InstanceProfileName", "iam:TagInstanceProfile", bound(context, create));
  on("GetInstanceProfile", "iam:GetInstanceProfile", get);
  add_plain(operations, "ListInstanceProfiles", "iam:ListInstanceProfiles", on_path(context, "profile"),
            bound(context, list));
  add_on(operations, context, "ListInstanceProfilesForRole", "iam:ListInstanceProfilesForRole", "role", "RoleName",
         bound(context, list_for_role));
  // Who puts a role into a profile passes it to the machines that use the profile.
  add_on(operations, context, "AddRoleToInstanceProfile", "iam:AddRoleToInstanceProfile", "profile",
         "InstanceProfileName", bound(context, add_role),
         [&context](const aws::Call&, const Value& input) -> Result<std::vector<aws::Check>> {
           const Entity role = MR_TRY(context.find_or_fail("role", input["RoleName"].string_or()));
           return std::vector<aws::Check>{{"iam:PassRole", role.arn, {{"iam:PassedToService", {"ec2.amazonaws.com"}}}}};
         });
  on("RemoveRoleFromInstanceProfile", "iam:RemoveRoleFromInstanceProfile", remove_role);
  on("DeleteInstanceProfile", "iam:DeleteInstanceProfile", erase);
  return operations;
}

}  // namespace millrace::iam
