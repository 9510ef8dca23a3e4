#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

Value group_value(const Entity& group) {
  return Value::object({{"Path", group.path},
                        {"GroupName", group.name},
                        {"GroupId", group.id},
                        {"Arn", group.arn},
                        {"CreateDate", to_epoch_seconds(group.created)}});
}

}  // namespace

void add_group_operations(Operations& operations, Context& context) {
  const auto on_group = on_entity(context, "group", "GroupName");
  operations.push_back({"CreateGroup", "iam:CreateGroup", on_group,
                        [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
                          Entity group;
                          group.kind = "group";
                          group.name = input["GroupName"].string_or();
                          group.path = input["Path"].string_or("/");
                          group.id = new_id("AGPA");
                          group.arn = context.arn("group", group.path, group.name);
                          group.created = call.now;
                          const auto inserted = context.store.insert(group);
                          if (!inserted && inserted.error().code == Code::already_exists) {
                            return fail(Code::already_exists,
                                        fmt::format("Group with name {} already exists.", group.name),
                                        "EntityAlreadyExists");
                          }
                          MR_TRY(Status(inserted));
                          return Value::object({{"Group", group_value(group)}});
                        }});
  operations.push_back(
      {"GetGroup", "iam:GetGroup", on_group, [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const Entity group = MR_TRY(context.need("group", input["GroupName"].string_or()));
         std::vector<Value> users;
         for (const Link& member : MR_TRY(context.store.links_of("member", group.name))) {
           if (const auto user = MR_TRY(context.store.find("user", member.target))) users.push_back(user_value(*user));
         }
         Value output = page(input, "Users", std::move(users));
         output.set("Group", group_value(group));
         return output;
       }});
  operations.push_back({"ListGroups", "iam:ListGroups",
                        [&context](const aws::Call&, const Value& input) {
                          return std::vector<std::string>{context.arn("group", input["PathPrefix"].string_or("/"), "")};
                        },
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          std::vector<Value> groups;
                          for (const Entity& group :
                               MR_TRY(context.store.list("group", input["PathPrefix"].string_or("/"))))
                            groups.push_back(group_value(group));
                          return page(input, "Groups", std::move(groups));
                        }});
  operations.push_back({"ListGroupsForUser", "iam:ListGroupsForUser", on_entity(context, "user", "UserName"),
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          const Entity user = MR_TRY(context.need("user", input["UserName"].string_or()));
                          std::vector<Value> groups;
                          for (const Link& membership : MR_TRY(context.store.links_to("member", user.name))) {
                            groups.push_back(group_value(MR_TRY(context.need("group", membership.owner))));
                          }
                          return page(input, "Groups", std::move(groups));
                        }});
  operations.push_back({"AddUserToGroup", "iam:AddUserToGroup", on_group,
                        [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
                          const Entity group = MR_TRY(context.need("group", input["GroupName"].string_or()));
                          const Entity user = MR_TRY(context.need("user", input["UserName"].string_or()));
                          MR_TRY(context.store.link("member", {group.name, user.name, "", call.now}));
                          return aws::Output();
                        }});
  operations.push_back({"RemoveUserFromGroup", "iam:RemoveUserFromGroup", on_group,
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          const Entity group = MR_TRY(context.need("group", input["GroupName"].string_or()));
                          const Entity user = MR_TRY(context.need("user", input["UserName"].string_or()));
                          bool was_there = false;
                          MR_TRY(context.store.unlink("member", group.name, user.name, was_there));
                          return aws::Output();
                        }});
  operations.push_back(
      {"DeleteGroup", "iam:DeleteGroup", on_group, [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const Entity group = MR_TRY(context.need("group", input["GroupName"].string_or()));
         if (!MR_TRY(context.store.links_of("member", group.name)).empty())
           return delete_conflict("Cannot delete entity, must remove users from group first.");
         if (!MR_TRY(context.store.links_of("attached-group", group.name)).empty())
           return delete_conflict("Cannot delete entity, must detach all policies first.");
         if (!MR_TRY(context.store.links_of("inline-group", group.name)).empty())
           return delete_conflict("Cannot delete entity, must delete policies first.");
         MR_TRY(context.store.erase("group", group.name));
         return aws::Output();
       }});
}

}  // namespace millrace::iam
