#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

std::string exists(const std::string& name) { return fmt::format("User with name {} already exists.", name); }

Result<aws::Output> create_user(Context& context, aws::Call& call, const Value& input) {
  Entity user;
  user.kind = "user";
  user.name = input["UserName"].string_or();
  user.path = input["Path"].string_or("/");
  user.id = new_id("AIDA");
  user.arn = context.arn("user", user.path, user.name);
  user.created = call.now;
  MR_TRY(add_tags(user, input["Tags"]));
  if (input["PermissionsBoundary"].is_string())
    MR_TRY(set_boundary(context, user, input["PermissionsBoundary"].as_string()));
  if (MR_TRY(context.store.count("user")) >= kUsersQuota) return quota_exceeded("UsersPerAccount", kUsersQuota);
  MR_TRY(inserted(context.store.insert(user), exists(user.name)));
  return Value::object({{"User", user_value(user)}});
}

// Without a name: the user whose key signed.
Result<aws::Output> get_user(Context& context, aws::Call& call, const Value& input) {
  const std::string name = input["UserName"].string_or();
  if (!name.empty()) return Value::object({{"User", user_value(MR_TRY(context.find_or_fail("user", name)))}});
  if (call.principal.kind == aws::Principal::Kind::user)
    return Value::object({{"User", user_value(MR_TRY(context.find_or_fail("user", call.principal.name)))}});
  if (call.principal.kind != aws::Principal::Kind::root) {
    return fail(Code::invalid_argument, "Must specify userName when calling with non-User credentials",
                "ValidationError");
  }
  Value root = Value::object({{"UserId", context.account}, {"Arn", call.principal.arn}});
  const auto keys = MR_TRY(context.store.keys_of(""));
  if (!keys.empty()) root.set("CreateDate", to_epoch_seconds(keys.front().created));
  return Value::object({{"User", std::move(root)}});
}

Result<aws::Output> list_users(Context& context, aws::Call&, const Value& input) {
  std::vector<Value> users;
  for (const Entity& user : MR_TRY(context.store.list("user", input["PathPrefix"].string_or("/"))))
    users.push_back(user_value(user, Detail::listed));
  return page(input, "Users", std::move(users), "UserName");
}

Result<aws::Output> update_user(Context& context, aws::Call&, const Value& input) {
  const std::string old_name = input["UserName"].string_or();
  Entity user = MR_TRY(context.find_or_fail("user", old_name));
  user.name = input["NewUserName"].string_or(user.name);
  user.path = input["NewPath"].string_or(user.path);
  user.arn = context.arn("user", user.path, user.name);
  MR_TRY(inserted(context.store.replace(old_name, user), exists(user.name)));
  return aws::Output();
}

Result<aws::Output> delete_user(Context& context, aws::Call&, const Value& input) {
  const Entity user = MR_TRY(context.find_or_fail("user", input["UserName"].string_or()));
  if (!MR_TRY(context.store.links_to("member", user.name)).empty())
    return delete_conflict("Cannot delete entity, must remove users from group first.");
  if (!MR_TRY(context.store.links_of("attached-user", user.name)).empty())
    return delete_conflict("Cannot delete entity, must detach all policies first.");
  if (!MR_TRY(context.store.links_of("inline-user", user.name)).empty())
    return delete_conflict("Cannot delete entity, must delete policies first.");
  if (!MR_TRY(context.store.keys_of(user.name)).empty())
    return delete_conflict("Cannot delete entity, must delete access keys first.");
  if (user.data.has("login")) return delete_conflict("Cannot delete entity, must delete login profile first.");
  MR_TRY(context.store.erase("user", user.name));
  return aws::Output();
}

}  // namespace

Operations user_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "user", "UserName", bound(context, handler));
  };
  add_making(operations, context, "CreateUser", "iam:CreateUser", "user", "UserName", "iam:TagUser",
             bound(context, create_user));
  on("GetUser", "iam:GetUser", get_user);
  add_plain(operations, "ListUsers", "iam:ListUsers", on_path(context, "user"), bound(context, list_users));
  // A user may not become what the caller may not touch: the new name is asked about as well.
  add_on(operations, context, "UpdateUser", "iam:UpdateUser", "user", "UserName", bound(context, update_user),
         [&context](const aws::Call&, const Value& input) -> Result<std::vector<aws::Check>> {
           if (!input["NewUserName"].is_string() && !input["NewPath"].is_string()) return std::vector<aws::Check>{};
           const Entity user = MR_TRY(context.find_or_fail("user", input["UserName"].string_or()));
           return std::vector<aws::Check>{
               {"iam:UpdateUser",
                context.arn("user", input["NewPath"].string_or(user.path), input["NewUserName"].string_or(user.name)),
                {}}};
         });
  on("DeleteUser", "iam:DeleteUser", delete_user);
  return operations;
}

}  // namespace millrace::iam
