#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kUsersQuota = 5'000;

Result<Entity> caller_or_named(Context& context, const aws::Call& call, const Value& input) {
  const std::string name = input["UserName"].string_or();
  if (!name.empty()) return context.need("user", name);
  if (call.principal.kind == aws::Principal::Kind::user) return context.need("user", call.principal.name);
  Entity root;
  root.kind = "user";
  root.path = "";
  root.id = context.account;
  root.arn = call.principal.arn;
  return root;
}

}  // namespace

void add_user_operations(Operations& operations, Context& context) {
  const auto on_user = on_entity(context, "user", "UserName");
  operations.push_back(
      {"CreateUser", "iam:CreateUser", on_user, [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
         Entity user;
         user.kind = "user";
         user.name = input["UserName"].string_or();
         user.path = input["Path"].string_or("/");
         user.id = new_id("AIDA");
         user.arn = context.arn("user", user.path, user.name);
         user.created = call.now;
         for (const Value& tag : input["Tags"].items())
           user.data.child("tags").set(tag["Key"].string_or(), tag["Value"]);
         if (input["PermissionsBoundary"].is_string()) user.data.set("boundary", input["PermissionsBoundary"]);
         if (MR_TRY(context.store.list("user", "/")).size() >= kUsersQuota) {
           return limit_exceeded(fmt::format("Cannot exceed quota for UsersPerAccount: {}", kUsersQuota));
         }
         const auto inserted = context.store.insert(user);
         if (!inserted && inserted.error().code == Code::already_exists) {
           return fail(Code::already_exists, fmt::format("User with name {} already exists.", user.name),
                       "EntityAlreadyExists");
         }
         MR_TRY(Status(inserted));
         return Value::object({{"User", user_value(user)}});
       }});
  operations.push_back(
      {"GetUser", "iam:GetUser", on_user, [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
         return Value::object({{"User", user_value(MR_TRY(caller_or_named(context, call, input)))}});
       }});
  operations.push_back({"ListUsers", "iam:ListUsers",
                        [&context](const aws::Call&, const Value& input) {
                          return std::vector<std::string>{context.arn("user", input["PathPrefix"].string_or("/"), "")};
                        },
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          std::vector<Value> users;
                          for (const Entity& user :
                               MR_TRY(context.store.list("user", input["PathPrefix"].string_or("/"))))
                            users.push_back(user_value(user));
                          return page(input, "Users", std::move(users));
                        }});
  operations.push_back(
      {"UpdateUser", "iam:UpdateUser", on_user, [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const std::string old_name = input["UserName"].string_or();
         Entity user = MR_TRY(context.need("user", old_name));
         user.name = input["NewUserName"].string_or(user.name);
         user.path = input["NewPath"].string_or(user.path);
         user.arn = context.arn("user", user.path, user.name);
         const auto replaced = context.store.replace(old_name, user);
         if (!replaced && replaced.error().code == Code::already_exists) {
           return fail(Code::already_exists, fmt::format("User with name {} already exists.", user.name),
                       "EntityAlreadyExists");
         }
         MR_TRY(Status(replaced));
         return aws::Output();
       }});
  operations.push_back(
      {"DeleteUser", "iam:DeleteUser", on_user, [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const Entity user = MR_TRY(context.need("user", input["UserName"].string_or()));
         if (!MR_TRY(context.store.keys_of(user.name)).empty())
           return delete_conflict("Cannot delete entity, must delete access keys first.");
         if (!MR_TRY(context.store.links_of("attached-user", user.name)).empty())
           return delete_conflict("Cannot delete entity, must detach all policies first.");
         if (!MR_TRY(context.store.links_of("inline-user", user.name)).empty())
           return delete_conflict("Cannot delete entity, must delete policies first.");
         if (!MR_TRY(context.store.links_to("member", user.name)).empty())
           return delete_conflict("Cannot delete entity, must remove users from group first.");
         MR_TRY(context.store.erase("user", user.name));
         return aws::Output();
       }});
}

}  // namespace millrace::iam
