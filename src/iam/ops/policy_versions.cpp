// Versions of the account's own policies; of AWS's the current one can be read.

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "iam/context.h"
#include "iam/managed_policies.h"
#include "iam/ops/managed.h"

namespace millrace::iam {
namespace {

tl::unexpected<Error> no_such_version(const std::string& arn, const std::string& id) {
  return no_such_entity(fmt::format("Policy {} version {} does not exist or is not attachable.", arn, id));
}

std::int64_t number_of(const Link& version) {
  return parse_int(std::string_view(version.target).substr(1)).value_or(0);
}

Result<aws::Output> create_version(Context& context, aws::Call& call, const Value& input) {
  const std::string document = input["PolicyDocument"].string_or();
  Entity policy = MR_TRY(context.find_modifiable("policy", input["PolicyArn"].string_or()));
  MR_TRY(check_managed_document(document));
  if (MR_TRY(context.store.links_of("version", policy.arn)).size() >= kVersionsPerPolicyQuota) {
    return limit_exceeded(
        fmt::format("A managed policy can have up to {} versions. Before you create a new version, "
                    "you must delete an existing version.",
                    kVersionsPerPolicyQuota));
  }
  const std::string id = fmt::format("v{}", policy.data["next_version"].int_or(2));
  const Link version{policy.arn, id, document, call.now};
  MR_TRY(context.store.link("version", version));
  policy.data.set("next_version", policy.data["next_version"].int_or(2) + 1).set("updated", to_epoch_seconds(call.now));
  if (input["SetAsDefault"].bool_or(false)) policy.data.set("default_version", id);
  MR_TRY(context.store.replace(policy.name, policy));
  return Value::object({{"PolicyVersion", version_value(policy, version, false)}});
}

Result<aws::Output> get_version(Context& context, aws::Call&, const Value& input) {
  const std::string arn = input["PolicyArn"].string_or(), id = input["VersionId"].string_or();
  if (const ManagedPolicy* managed = managed_policy(arn)) {
    if (managed->version != id) return no_such_version(arn, id);
    return Value::object({{"PolicyVersion", version_value(*managed, true)}});
  }
  const Entity policy = MR_TRY(context.find_or_fail("policy", arn));
  const auto version = MR_TRY(context.store.find_link("version", policy.arn, id));
  if (!version) return no_such_version(arn, id);
  return Value::object({{"PolicyVersion", version_value(policy, *version, true)}});
}

Result<aws::Output> list_versions(Context& context, aws::Call&, const Value& input) {
  const std::string arn = input["PolicyArn"].string_or();
  std::vector<Value> versions;
  if (const ManagedPolicy* managed = managed_policy(arn)) {
    versions.push_back(version_value(*managed, false));
  } else {
    const Entity policy = MR_TRY(context.find_or_fail("policy", arn));
    for (const Link& version : MR_TRY(versions_of(context, policy.arn)))
      versions.push_back(version_value(policy, version, false));
  }
  return page_in_order(input, "Versions", std::move(versions));
}

Result<aws::Output> set_default(Context& context, aws::Call& call, const Value& input) {
  const std::string id = input["VersionId"].string_or();
  Entity policy = MR_TRY(context.find_modifiable("policy", input["PolicyArn"].string_or()));
  if (!MR_TRY(context.store.find_link("version", policy.arn, id))) return no_such_version(policy.arn, id);
  policy.data.set("default_version", id).set("updated", to_epoch_seconds(call.now));
  MR_TRY(context.store.replace(policy.name, policy));
  return aws::Output();
}

Result<aws::Output> delete_version(Context& context, aws::Call&, const Value& input) {
  const std::string id = input["VersionId"].string_or();
  const Entity policy = MR_TRY(context.find_modifiable("policy", input["PolicyArn"].string_or()));
  if (policy.data["default_version"].string_or() == id)
    return delete_conflict("Cannot delete the default version of a policy.");
  bool was_there = false;
  MR_TRY(context.store.unlink("version", policy.arn, id, was_there));
  if (!was_there) return no_such_version(policy.arn, id);
  return aws::Output();
}

}  // namespace

Result<std::vector<Link>> versions_of(Context& context, const std::string& arn) {
  auto versions = MR_TRY(context.store.links_of("version", arn));
  std::sort(versions.begin(), versions.end(), [](const Link& a, const Link& b) { return number_of(a) > number_of(b); });
  return versions;
}

Value version_value(const Entity& policy, const Link& version, bool with_document) {
  Value value = Value::object({{"VersionId", version.target},
                               {"IsDefaultVersion", policy.data["default_version"].string_or() == version.target},
                               {"CreateDate", to_epoch_seconds(version.at)}});
  if (with_document) value.set("Document", url_encoded(version.data));
  return value;
}

Value version_value(const ManagedPolicy& policy, bool with_document) {
  Value value = Value::object(
      {{"VersionId", policy.version}, {"IsDefaultVersion", true}, {"CreateDate", to_epoch_seconds(policy.updated)}});
  if (with_document) value.set("Document", url_encoded(policy.document));
  return value;
}

Operations policy_version_operations(Context& context) {
  Operations operations;
  const auto on = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_on(operations, context, name, action, "policy", "PolicyArn", bound(context, handler));
  };
  on("CreatePolicyVersion", "iam:CreatePolicyVersion", create_version);
  on("GetPolicyVersion", "iam:GetPolicyVersion", get_version);
  on("ListPolicyVersions", "iam:ListPolicyVersions", list_versions);
  on("SetDefaultPolicyVersion", "iam:SetDefaultPolicyVersion", set_default);
  on("DeletePolicyVersion", "iam:DeletePolicyVersion", delete_version);
  return operations;
}

}  // namespace millrace::iam
