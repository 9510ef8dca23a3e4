#include "iam/context.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/ids.h"
#include "base/strings.h"
#include "iam/managed_policies.h"

namespace millrace::iam {

std::string Context::arn(std::string_view kind, std::string_view path, std::string_view name) const {
  return fmt::format("arn:aws:iam::{}:{}{}{}", account, kind == "profile" ? std::string_view("instance-profile") : kind,
                     path, name);
}

Result<Entity> Context::find_or_fail(const std::string& kind, const std::string& name) {
  if (kind == "policy" && (!name.starts_with("arn:aws:iam::") || name.find(":policy/") == std::string::npos))
    return invalid_input(fmt::format("ARN {} is not valid.", name));
  auto found = MR_TRY(store.find(kind, name));
  if (found) return std::move(*found);
  if (kind == "policy") return no_such_entity(fmt::format("Policy {} was not found.", name));
  if (kind == "profile") return no_such_entity(fmt::format("Instance Profile {} cannot be found.", name));
  return no_such_entity(fmt::format("The {} with name {} cannot be found.", kind, name));
}

Result<Entity> Context::find_modifiable(const std::string& kind, const std::string& name) {
  if (kind == "policy" && managed_policy(name) != nullptr) {
    return fail(Code::permission_denied,
                fmt::format("The policy {} is managed by AWS; it can be attached but not changed.", name),
                "AccessDenied");
  }
  Entity entity = MR_TRY(find_or_fail(kind, name));
  if (kind == "role" && entity.path.starts_with(kServiceLinkedPath)) {
    return fail(Code::invalid_argument,
                fmt::format("Cannot perform the operation on the protected role '{}' - this role is only modifiable by "
                            "AWS",
                            entity.name),
                "UnmodifiableEntity");
  }
  return entity;
}

tl::unexpected<Error> no_such_entity(std::string message) {
  return fail(Code::not_found, std::move(message), "NoSuchEntity");
}
tl::unexpected<Error> already_exists(std::string message) {
  return fail(Code::already_exists, std::move(message), "EntityAlreadyExists");
}
tl::unexpected<Error> delete_conflict(std::string message) {
  return fail(Code::failed_precondition, std::move(message), "DeleteConflict");
}
tl::unexpected<Error> limit_exceeded(std::string message) {
  return fail(Code::resource_exhausted, std::move(message), "LimitExceeded");
}
tl::unexpected<Error> invalid_input(std::string message) {
  return fail(Code::invalid_argument, std::move(message), "InvalidInput");
}
tl::unexpected<Error> quota_exceeded(std::string_view what, std::size_t quota) {
  return limit_exceeded(fmt::format("Cannot exceed quota for {}: {}", what, quota));
}

Status inserted(Status status, std::string exists_message) {
  if (!status && status.error().code == Code::already_exists) return already_exists(std::move(exists_message));
  return status;
}

std::string Context::policy_arn(const std::string& given) {
  const auto found = store.find("policy", given);
  return found && *found ? (*found)->arn : given;
}

aws::Resources on_entity(Context& context, std::string kind, std::string member) {
  return [&context, kind = std::move(kind), member = std::move(member)](const aws::Call& call, const Value& input) {
    std::string name = input[member].string_or();
    if (kind == "policy") return std::vector<std::string>{context.policy_arn(name)};
    // GetUser and its like without a name speak of the caller.
    if (name.empty() && kind == "user" && call.principal.kind == aws::Principal::Kind::user) name = call.principal.name;
    const auto found = context.store.find(kind, name);
    return std::vector<std::string>{found && *found ? (*found)->arn : context.arn(kind, "/", name)};
  };
}

aws::Resources on_path(Context& context, std::string kind) {
  return [&context, kind = std::move(kind)](const aws::Call&, const Value& input) {
    return std::vector<std::string>{context.arn(kind, input["PathPrefix"].string_or("/"), "")};
  };
}

void add_on(Operations& operations, Context& context, std::string_view name, aws::IamAction action, std::string kind,
            std::string member, aws::Handle handle, aws::MoreChecks more) {
  add_plain(operations, name, action, on_entity(context, kind, member), std::move(handle), std::move(more),
            keys_of(context, kind, member));
}

void add_making(Operations& operations, Context& context, std::string_view name, aws::IamAction action,
                std::string kind, std::string member, const char* tag_action, aws::Handle handle) {
  const aws::Resources on = [&context, kind, member](const aws::Call&, const Value& input) {
    return std::vector<std::string>{context.arn(kind, input["Path"].string_or("/"), input[member].string_or())};
  };
  aws::MoreChecks tagging;
  if (tag_action != nullptr) {
    tagging = [on, tag_action](const aws::Call& call, const Value& input) -> Result<std::vector<aws::Check>> {
      std::vector<aws::Check> checks;
      if (auto keys = request_tag_keys(input); !keys.empty())
        checks.push_back({tag_action, on(call, input).front(), std::move(keys)});
      return checks;
    };
  }
  add_plain(
      operations, name, action, on, std::move(handle), std::move(tagging),
      [&context](const aws::Call&, const Value& input) {
        auto keys = request_tag_keys(input);
        if (input["PermissionsBoundary"].is_string()) {
          keys.push_back({"iam:PermissionsBoundary", {context.policy_arn(input["PermissionsBoundary"].as_string())}});
        }
        return keys;
      });
}

void add_plain(Operations& operations, std::string_view name, aws::IamAction action, aws::Resources on,
               aws::Handle handle, aws::MoreChecks more, aws::ConditionKeys keys) {
  operations.emplace_back(name, action, std::move(on), std::move(handle), std::move(more), std::move(keys));
}

aws::Handle bound(Context& context, Handler handler) {
  return [&context, handler](aws::Call& call, const Value& input) { return handler(context, call, input); };
}

std::string new_id(std::string_view prefix) {
  return std::string(prefix) + random_string(21 - prefix.size(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

std::string url_encoded(std::string_view document) { return percent_encode(document); }

}  // namespace millrace::iam
