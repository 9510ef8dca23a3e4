#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

std::string exists(const std::string& name) { return fmt::format("Group with name {} already exists.", name); }

Result<aws::Output> create_group(Context& context, aws::Call& call, const Value& input) {
  Entity group;
  group.kind = "group";
  group.name = input["GroupName"].string_or();
  group.path = input["Path"].string_or("/");
  group.id = new_id("AGPA");
  group.arn = context.arn("group", group.path, group.name);
  group.created = call.now;
  if (MR_TRY(context.store.count("group")) >= kGroupsQuota) return quota_exceeded("GroupsPerAccount", kGroupsQuota);
  MR_TRY(inserted(context.store.insert(group), exists(group.name)));
  return Value::object({{"Group", group_value(group)}});
}

Result<aws::Output> get_group(Context& context, aws::Call&, const Value& input) {
  const Entity group = MR_TRY(context.find_or_fail("group", input["GroupName"].string_or()));
  std::vector<Value> users;
  for (const Link& member : MR_TRY(context.store.links_of("member", group.name)))
    users.push_back(user_value(MR_TRY(context.find_or_fail("user", member.target)), Detail::listed));
  Value output = MR_TRY(page(input, "Users", std::move(users), "UserName"));
  output.set("Group", group_value(group));
  return output;
}

Result<aws::Output> list_groups(Context& context, aws::Call&, const Value& input) {
  std::vector<Value> groups;
  for (const Entity& group : MR_TRY(context.store.list("group", input["PathPrefix"].string_or("/"))))
    groups.push_back(group_value(group));
  return page(input, "Groups", std::move(groups), "GroupName");
}

Result<aws::Output> list_groups_for_user(Context& context, aws::Call&, const Value& input) {
  const Entity user = MR_TRY(context.find_or_fail("user", input["UserName"].string_or()));
  std::vector<Value> groups;
  for (const Link& membership : MR_TRY(context.store.links_to("member", user.name)))
    groups.push_back(group_value(MR_TRY(context.find_or_fail("group", membership.owner))));
  return page(input, "Groups", std::move(groups), "GroupName");
}

Result<aws::Output> update_group(Context& context, aws::Call&, const Value& input) {
  const std::string old_name = input["GroupName"].string_or();
  Entity group = MR_TRY(context.find_or_fail("group", old_name));
  group.name = input["NewGroupName"].string_or(group.name);
  group.path = input["NewPath"].string_or(group.path);
  group.arn = context.arn("group", group.path, group.name);
  MR_TRY(inserted(context.store.replace(old_name, group), exists(group.name)));
  return aws::Output();
}

Result<aws::Output> add_user_to_group(Context& context, aws::Call& call, const Value& input) {
  const Entity group = MR_TRY(context.find_or_fail("group", input["GroupName"].string_or()));
  const Entity user = MR_TRY(context.find_or_fail("user", input["UserName"].string_or()));
  const bool member = MR_TRY(context.store.find_link("member", group.name, user.name)).has_value();
  if (!member && MR_TRY(context.store.links_to("member", user.name)).size() >= kGroupsPerUserQuota)
    return quota_exceeded("GroupsPerUser", kGroupsPerUserQuota);
  MR_TRY(context.store.link("member", {group.name, user.name, "", call.now}));
  return aws::Output();
}

Result<aws::Output> remove_user_from_group(Context& context, aws::Call&, const Value& input) {
  const Entity group = MR_TRY(context.find_or_fail("group", input["GroupName"].string_or()));
  const Entity user = MR_TRY(context.find_or_fail("user", input["UserName"].string_or()));
  bool was_there = false;
  MR_TRY(context.store.unlink("member", group.name, user.name, was_there));
  return aws::Output();
}

Result<aws::Output> delete_group(Context& context, aws::Call&, const Value& input) {
  const Entity group = MR_TRY(context.find_or_fail("group", input["GroupName"].string_or()));
  if (!MR_TRY(context.store.links_of("member", group.name)).empty())
    return delete_conflict("Cannot delete entity, must remove users from group first.");
  if (!MR_TRY(context.store.links_of("attached-group", group.name)).empty())
    return delete_conflict("Cannot delete entity, must detach all policies first.");
  if (!MR_TRY(context.store.links_of("inline-group", group.name)).empty())
    return delete_conflict("Cannot delete entity, must delete policies first.");
  MR_TRY(context.store.erase("group", group.name));
  return aws::Output();
}

}  // namespace

Operations group_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "group", "GroupName", bound(context, handler));
  };
  add_making(operations, context, "CreateGroup", "iam:CreateGroup", "group", "GroupName", nullptr,
             bound(context, create_group));
  on("GetGroup", "iam:GetGroup", get_group);
  add_plain(operations, "ListGroups", "iam:ListGroups", on_path(context, "group"), bound(context, list_groups));
  add_on(operations, context, "ListGroupsForUser", "iam:ListGroupsForUser", "user", "UserName",
         bound(context, list_groups_for_user));
  add_on(operations, context, "UpdateGroup", "iam:UpdateGroup", "group", "GroupName", bound(context, update_group),
         [&context](const aws::Call&, const Value& input) -> Result<std::vector<aws::Check>> {
           if (!input["NewGroupName"].is_string() && !input["NewPath"].is_string()) return std::vector<aws::Check>{};
           const Entity group = MR_TRY(context.find_or_fail("group", input["GroupName"].string_or()));
           return std::vector<aws::Check>{{"iam:UpdateGroup",
                                           context.arn("group", input["NewPath"].string_or(group.path),
                                                       input["NewGroupName"].string_or(group.name)),
                                           {}}};
         });
  on("AddUserToGroup", "iam:AddUserToGroup", add_user_to_group);
  on("RemoveUserFromGroup", "iam:RemoveUserFromGroup", remove_user_from_group);
  on("DeleteGroup", "iam:DeleteGroup", delete_group);
  return operations;
}

}  // namespace millrace::iam
