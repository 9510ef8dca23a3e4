// Permissions boundaries of users and roles.

#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

aws::Handle put(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.find_modifiable(kind, input[member].string_or()));
    MR_TRY(set_boundary(context, entity, input["PermissionsBoundary"].string_or()));
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

aws::Handle erase(Context& context, std::string kind, std::string member) {
  return [&context, kind, member](aws::Call&, const Value& input) -> Result<aws::Output> {
    Entity entity = MR_TRY(context.find_modifiable(kind, input[member].string_or()));
    if (!entity.data.has("boundary"))
      return no_such_entity(fmt::format("The {} {} has no permissions boundary.", kind, entity.name));
    entity.data.erase("boundary");
    MR_TRY(context.store.replace(entity.name, entity));
    return aws::Output();
  };
}

}  // namespace

Operations boundary_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, const char* kind, const char* member,
                      aws::Handle (*handle)(Context&, std::string, std::string)) {
    add_on(operations, context, name, action, kind, member, handle(context, kind, member));
  };
  on("PutUserPermissionsBoundary", "iam:PutUserPermissionsBoundary", "user", "UserName", put);
  on("PutRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", "role", "RoleName", put);
  on("DeleteUserPermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "user", "UserName", erase);
  on("DeleteRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "role", "RoleName", erase);
  return operations;
}

}  // namespace millrace::iam
