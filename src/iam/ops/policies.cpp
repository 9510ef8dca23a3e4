// Customer managed policies and their versions; AWS's own are read-only beside them.

#include <algorithm>

#include <fmt/core.h>

#include "iam/context.h"
#include "iam/managed_policies.h"
#include "iam/policy/document.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kVersionsQuota = 5;
constexpr std::string_view kManagedSince = "2015-02-06T18:40:50Z";

Result<std::size_t> attachments(Context& context, const std::string& arn) {
  std::size_t count = 0;
  for (const char* kind : {"attached-user", "attached-role", "attached-group"})
    count += MR_TRY(context.store.links_to(kind, arn)).size();
  return count;
}

Result<Value> policy_value(Context& context, const Entity& policy) {
  Value value = Value::object({{"PolicyName", policy.data["policy_name"]},
                               {"PolicyId", policy.id},
                               {"Arn", policy.arn},
                               {"Path", policy.path},
                               {"DefaultVersionId", policy.data["default_version"]},
                               {"AttachmentCount", MR_TRY(attachments(context, policy.arn))},
                               {"PermissionsBoundaryUsageCount", 0},
                               {"IsAttachable", true},
                               {"CreateDate", to_epoch_seconds(policy.created)},
                               {"UpdateDate", policy.data["updated"]}});
  if (policy.data.has("description")) value.set("Description", policy.data["description"]);
  if (!policy.data["tags"].empty()) value.set("Tags", tags_of(policy));
  return value;
}

Result<Value> managed_value(Context& context, const ManagedPolicy& policy) {
  const double since = to_epoch_seconds(parse_rfc3339(kManagedSince).value());
  return Value::object({{"PolicyName", policy.name},
                        {"PolicyId", policy.id},
                        {"Arn", policy.arn()},
                        {"Path", policy.path},
                        {"DefaultVersionId", policy.version},
                        {"AttachmentCount", MR_TRY(attachments(context, policy.arn()))},
                        {"PermissionsBoundaryUsageCount", 0},
                        {"IsAttachable", true},
                        {"CreateDate", since},
                        {"UpdateDate", since}});
}

tl::unexpected<Error> read_only(const std::string& arn) {
  return fail(Code::permission_denied, fmt::format("The policy {} is managed by AWS and cannot be changed.", arn),
              "AccessDenied");
}

Value version_value(const Entity& policy, const Link& version, bool with_document) {
  Value value = Value::object({{"VersionId", version.target},
                               {"IsDefaultVersion", policy.data["default_version"].string_or() == version.target},
                               {"CreateDate", to_epoch_seconds(version.at)}});
  if (with_document) value.set("Document", url_encoded(version.data));
  return value;
}

Result<aws::Output> create_policy(Context& context, aws::Call& call, const Value& input) {
  const std::string document = input["PolicyDocument"].string_or(), name = input["PolicyName"].string_or();
  MR_TRY(policy::parse_document(document, policy::Kind::identity));
  Entity policy;
  policy.kind = "policy";
  policy.path = input["Path"].string_or("/");
  policy.arn = policy.name = context.arn("policy", policy.path, name);
  policy.id = new_id("ANPA");
  policy.created = call.now;
  policy.data.set("policy_name", name)
      .set("default_version", "v1")
      .set("next_version", 2)
      .set("updated", to_epoch_seconds(call.now));
  if (input["Description"].is_string()) policy.data.set("description", input["Description"]);
  for (const Value& tag : input["Tags"].items()) policy.data.child("tags").set(tag["Key"].string_or(), tag["Value"]);
  for (const Entity& other : MR_TRY(context.store.list("policy", "/"))) {
    if (other.data["policy_name"].string_or() == name) {
      return fail(Code::already_exists,
                  fmt::format("A policy called {} already exists. Duplicate names are not allowed.", name),
                  "EntityAlreadyExists");
    }
  }
  // The version first: a policy is never there without its document.
  MR_TRY(context.store.link("version", {policy.arn, "v1", document, call.now}));
  MR_TRY(context.store.insert(policy));
  return Value::object({{"Policy", MR_TRY(policy_value(context, policy))}});
}

Result<aws::Output> list_policies(Context& context, aws::Call&, const Value& input) {
  const std::string scope = input["Scope"].string_or("All"), prefix = input["PathPrefix"].string_or("/");
  const bool only_attached = input["OnlyAttached"].bool_or(false);
  std::vector<Value> policies;
  if (scope != "AWS") {
    for (const Entity& policy : MR_TRY(context.store.list("policy", prefix)))
      policies.push_back(MR_TRY(policy_value(context, policy)));
  }
  if (scope != "Local") {
    for (const ManagedPolicy& policy : managed_policies()) {
      if (policy.path.starts_with(prefix)) policies.push_back(MR_TRY(managed_value(context, policy)));
    }
  }
  if (only_attached)
    std::erase_if(policies, [](const Value& policy) { return policy["AttachmentCount"].int_or(0) == 0; });
  return page(input, "Policies", std::move(policies));
}

Result<aws::Output> create_version(Context& context, aws::Call& call, const Value& input) {
  const std::string arn = input["PolicyArn"].string_or(), document = input["PolicyDocument"].string_or();
  if (managed_policy(arn) != nullptr) return read_only(arn);
  Entity policy = MR_TRY(context.need("policy", arn));
  MR_TRY(policy::parse_document(document, policy::Kind::identity));
  if (MR_TRY(context.store.links_of("version", arn)).size() >= kVersionsQuota) {
    return limit_exceeded(
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version.");
  }
  const std::string id = fmt::format("v{}", policy.data["next_version"].int_or(2));
  const Link version{arn, id, document, call.now};
  MR_TRY(context.store.link("version", version));
  policy.data.set("next_version", policy.data["next_version"].int_or(2) + 1).set("updated", to_epoch_seconds(call.now));
  if (input["SetAsDefault"].bool_or(false)) policy.data.set("default_version", id);
  MR_TRY(context.store.replace(arn, policy));
  return Value::object({{"PolicyVersion", version_value(policy, version, false)}});
}

Result<aws::Output> get_version(Context& context, aws::Call&, const Value& input) {
  const std::string arn = input["PolicyArn"].string_or(), id = input["VersionId"].string_or();
  if (const ManagedPolicy* managed = managed_policy(arn); managed != nullptr && managed->version == id) {
    return Value::object(
        {{"PolicyVersion", Value::object({{"VersionId", id},
                                          {"IsDefaultVersion", true},
                                          {"Document", url_encoded(managed->document)},
                                          {"CreateDate", to_epoch_seconds(parse_rfc3339(kManagedSince).value())}})}});
  }
  const auto version = MR_TRY(context.store.find_link("version", arn, id));
  if (!version)
    return no_such_entity(fmt::format("Policy {} version {} does not exist or is not attachable.", arn, id));
  return Value::object({{"PolicyVersion", version_value(MR_TRY(context.need("policy", arn)), *version, true)}});
}

Result<aws::Output> list_versions(Context& context, aws::Call&, const Value& input) {
  const std::string arn = input["PolicyArn"].string_or();
  std::vector<Value> versions;
  if (const ManagedPolicy* managed = managed_policy(arn)) {
    versions.push_back(Value::object({{"VersionId", managed->version},
                                      {"IsDefaultVersion", true},
                                      {"CreateDate", to_epoch_seconds(parse_rfc3339(kManagedSince).value())}}));
  } else {
    const Entity policy = MR_TRY(context.need("policy", arn));
    for (const Link& version : MR_TRY(context.store.links_of("version", arn)))
      versions.push_back(version_value(policy, version, false));
    std::reverse(versions.begin(), versions.end());
  }
  return page(input, "Versions", std::move(versions));
}

}  // namespace

void add_policy_operations(Operations& operations, Context& context) {
  const auto on_policy = on_entity(context, "policy", "PolicyArn");
  const aws::Resources on_new = [&context](const aws::Call&, const Value& input) {
    return std::vector<std::string>{
        context.arn("policy", input["Path"].string_or("/"), input["PolicyName"].string_or())};
  };
  const auto bound = [&context](Result<aws::Output> (*handle)(Context&, aws::Call&, const Value&)) -> aws::Handle {
    return [&context, handle](aws::Call& call, const Value& input) { return handle(context, call, input); };
  };
  operations.push_back({"CreatePolicy", "iam:CreatePolicy", on_new, bound(create_policy)});
  operations.push_back(
      {"GetPolicy", "iam:GetPolicy", on_policy, [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const std::string arn = input["PolicyArn"].string_or();
         if (const ManagedPolicy* managed = managed_policy(arn))
           return Value::object({{"Policy", MR_TRY(managed_value(context, *managed))}});
         return Value::object({{"Policy", MR_TRY(policy_value(context, MR_TRY(context.need("policy", arn))))}});
       }});
  operations.push_back({"ListPolicies", "iam:ListPolicies", aws::any_resource(), bound(list_policies)});
  operations.push_back({"DeletePolicy", "iam:DeletePolicy", on_policy,
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          const std::string arn = input["PolicyArn"].string_or();
                          if (managed_policy(arn) != nullptr) return read_only(arn);
                          const Entity policy = MR_TRY(context.need("policy", arn));
                          if (MR_TRY(attachments(context, arn)) > 0)
                            return delete_conflict("Cannot delete a policy attached to entities.");
                          if (MR_TRY(context.store.links_of("version", arn)).size() > 1) {
                            return delete_conflict(
                                "This policy has more than one version. Before you delete a policy, you must delete "
                                "the policy's versions. The default version is deleted with the policy.");
                          }
                          MR_TRY(context.store.erase("policy", policy.name));
                          return aws::Output();
                        }});
  operations.push_back({"CreatePolicyVersion", "iam:CreatePolicyVersion", on_policy, bound(create_version)});
  operations.push_back({"GetPolicyVersion", "iam:GetPolicyVersion", on_policy, bound(get_version)});
  operations.push_back({"ListPolicyVersions", "iam:ListPolicyVersions", on_policy, bound(list_versions)});
  operations.push_back({"SetDefaultPolicyVersion", "iam:SetDefaultPolicyVersion", on_policy,
                        [&context](aws::Call& call, const Value& input) -> Result<aws::Output> {
                          const std::string arn = input["PolicyArn"].string_or(), id = input["VersionId"].string_or();
                          if (managed_policy(arn) != nullptr) return read_only(arn);
                          Entity policy = MR_TRY(context.need("policy", arn));
                          if (!MR_TRY(context.store.find_link("version", arn, id)))
                            return no_such_entity(
                                fmt::format("Policy {} version {} does not exist or is not attachable.", arn, id));
                          policy.data.set("default_version", id).set("updated", to_epoch_seconds(call.now));
                          MR_TRY(context.store.replace(arn, policy));
                          return aws::Output();
                        }});
  operations.push_back({"DeletePolicyVersion", "iam:DeletePolicyVersion", on_policy,
                        [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
                          const std::string arn = input["PolicyArn"].string_or(), id = input["VersionId"].string_or();
                          if (managed_policy(arn) != nullptr) return read_only(arn);
                          const Entity policy = MR_TRY(context.need("policy", arn));
                          if (policy.data["default_version"].string_or() == id)
                            return delete_conflict("Cannot delete the default version of a policy.");
                          bool was_there = false;
                          MR_TRY(context.store.unlink("version", arn, id, was_there));
                          if (!was_there)
                            return no_such_entity(
                                fmt::format("Policy {} version {} does not exist or is not attachable.", arn, id));
                          return aws::Output();
                        }});
  operations.push_back(
      {"ListEntitiesForPolicy", "iam:ListEntitiesForPolicy", on_policy,
       [&context](aws::Call&, const Value& input) -> Result<aws::Output> {
         const std::string arn = input["PolicyArn"].string_or();
         if (managed_policy(arn) == nullptr) MR_TRY(context.need("policy", arn));
         Value output = Value::object({{"PolicyUsers", Value::array()},
                                       {"PolicyGroups", Value::array()},
                                       {"PolicyRoles", Value::array()},
                                       {"IsTruncated", false}});
         for (const auto& [kind, list, name, id] : {std::tuple("user", "PolicyUsers", "UserName", "UserId"),
                                                    std::tuple("group", "PolicyGroups", "GroupName", "GroupId"),
                                                    std::tuple("role", "PolicyRoles", "RoleName", "RoleId")}) {
           for (const Link& link : MR_TRY(context.store.links_to(std::string("attached-") + kind, arn))) {
             const Entity owner = MR_TRY(context.need(kind, link.owner));
             output.child(list).push(Value::object({{name, owner.name}, {id, owner.id}}));
           }
         }
         return output;
       }});
}

}  // namespace millrace::iam
