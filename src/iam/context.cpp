#include "iam/context.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "base/encode.h"
#include "base/ids.h"

namespace millrace::iam {
namespace {

constexpr std::int64_t kPageDefault = 100;

std::string kind_in_words(const std::string& kind) {
  if (kind == "profile") return "Instance Profile";
  return kind;
}

}  // namespace

std::string Context::arn(std::string_view kind, std::string_view path, std::string_view name) const {
  return fmt::format("arn:aws:iam::{}:{}{}{}", account, kind == "profile" ? std::string_view("instance-profile") : kind,
                     path, name);
}

Result<Entity> Context::need(const std::string& kind, const std::string& name) {
  auto found = MR_TRY(store.find(kind, name));
  if (found) return std::move(*found);
  if (kind == "policy") return no_such_entity(fmt::format("Policy {} was not found.", name));
  if (kind == "profile") return no_such_entity(fmt::format("{} {} cannot be found.", kind_in_words(kind), name));
  return no_such_entity(fmt::format("The {} with name {} cannot be found.", kind, name));
}

tl::unexpected<Error> no_such_entity(std::string message) {
  return fail(Code::not_found, std::move(message), "NoSuchEntity");
}
tl::unexpected<Error> delete_conflict(std::string message) {
  return fail(Code::failed_precondition, std::move(message), "DeleteConflict");
}
tl::unexpected<Error> limit_exceeded(std::string message) {
  return fail(Code::resource_exhausted, std::move(message), "LimitExceeded");
}

aws::Resources on_entity(Context& context, std::string kind, std::string member) {
  return [&context, kind = std::move(kind), member = std::move(member)](const aws::Call& call, const Value& input) {
    std::string name = input[member].string_or();
    if (kind == "policy") return std::vector<std::string>{name};
    // GetUser and its like without a name speak of the caller.
    if (name.empty() && kind == "user") name = call.principal.name;
    const auto found = context.store.find(kind, name);
    if (found && *found) return std::vector<std::string>{(*found)->arn};
    return std::vector<std::string>{context.arn(kind, input["Path"].string_or("/"), name)};
  };
}

Value page(const Value& input, const std::string& list_name, std::vector<Value> items) {
  const auto limit = static_cast<std::size_t>(input["MaxItems"].int_or(kPageDefault));
  std::size_t start = 0;
  if (const auto marker = from_base64(input["Marker"].string_or())) {
    start = static_cast<std::size_t>(std::strtoull(marker->c_str(), nullptr, 10));
  }
  start = std::min(start, items.size());
  const std::size_t end = std::min(items.size(), start + limit);
  Value list = Value::array();
  for (std::size_t i = start; i < end; ++i) list.push(std::move(items[i]));
  Value output = Value::object({{list_name, std::move(list)}, {"IsTruncated", end < items.size()}});
  if (end < items.size()) output.set("Marker", to_base64(std::to_string(end)));
  return output;
}

std::string new_id(std::string_view prefix) {
  return std::string(prefix) + random_string(21 - prefix.size(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

std::string url_encoded(std::string_view document) { return percent_encode(document); }

Value tags_of(const Entity& entity) {
  Value tags = Value::array();
  for (const auto& [key, value] : entity.data["tags"].members())
    tags.push(Value::object({{"Key", key}, {"Value", value}}));
  return tags;
}

Value user_value(const Entity& user) {
  Value value = Value::object({{"Path", user.path},
                               {"UserName", user.name},
                               {"UserId", user.id},
                               {"Arn", user.arn},
                               {"CreateDate", to_epoch_seconds(user.created)}});
  if (user.data.has("boundary")) {
    value.set("PermissionsBoundary", Value::object({{"PermissionsBoundaryType", "Policy"},
                                                    {"PermissionsBoundaryArn", user.data["boundary"]}}));
  }
  if (!user.data["tags"].empty()) value.set("Tags", tags_of(user));
  return value;
}

Value role_value(const Entity& role) {
  Value value = Value::object({{"Path", role.path},
                               {"RoleName", role.name},
                               {"RoleId", role.id},
                               {"Arn", role.arn},
                               {"CreateDate", to_epoch_seconds(role.created)},
                               {"AssumeRolePolicyDocument", url_encoded(role.data["trust"].string_or())},
                               {"MaxSessionDuration", role.data["max_session"].int_or(3600)}});
  if (role.data.has("description")) value.set("Description", role.data["description"]);
  if (role.data.has("boundary")) {
    value.set("PermissionsBoundary", Value::object({{"PermissionsBoundaryType", "Policy"},
                                                    {"PermissionsBoundaryArn", role.data["boundary"]}}));
  }
  if (!role.data["tags"].empty()) value.set("Tags", tags_of(role));
  return value;
}

}  // namespace millrace::iam
