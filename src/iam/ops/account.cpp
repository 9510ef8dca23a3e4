// What concerns the account as a whole: its summary, its settings and its alias.

#include <fmt/core.h>

#include "iam/context.h"

namespace millrace::iam {
namespace {

constexpr std::string_view kSetting = "setting", kTokens = "GlobalEndpointTokenVersion";

Result<aws::Output> set_tokens(Context& context, aws::Call& call, const Value& input) {
  Entity setting;
  setting.kind = kSetting;
  setting.name = kTokens;
  setting.id = "setting/" + setting.name;
  setting.created = call.now;
  setting.data.set("value", input["GlobalEndpointTokenVersion"].string_or() == "v2Token" ? 2 : 1);
  if (MR_TRY(context.store.find(setting.kind, setting.name))) {
    MR_TRY(context.store.replace(setting.name, setting));
  } else {
    MR_TRY(context.store.insert(setting));
  }
  return aws::Output();
}

Result<aws::Output> summary(Context& context, aws::Call&, const Value&) {
  Value summary = Value::object({{"UsersQuota", kUsersQuota},
                                 {"GroupsQuota", kGroupsQuota},
                                 {"RolesQuota", kRolesQuota},
                                 {"PoliciesQuota", kPoliciesQuota},
                                 {"InstanceProfilesQuota", kInstanceProfilesQuota},
                                 {"AccessKeysPerUserQuota", kAccessKeysPerUserQuota},
                                 {"GroupsPerUserQuota", kGroupsPerUserQuota},
                                 {"AttachedPoliciesPerUserQuota", kAttachedPoliciesQuota},
                                 {"AttachedPoliciesPerRoleQuota", kAttachedPoliciesQuota},
                                 {"AttachedPoliciesPerGroupQuota", kAttachedPoliciesQuota},
                                 {"PolicySizeQuota", kPolicySizeQuota},
                                 {"UserPolicySizeQuota", kUserPolicySizeQuota},
                                 {"GroupPolicySizeQuota", kGroupPolicySizeQuota},
                                 {"RolePolicySizeQuota", kRolePolicySizeQuota},
                                 {"AssumeRolePolicySizeQuota", kTrustPolicySizeQuota},
                                 {"VersionsPerPolicyQuota", kVersionsPerPolicyQuota},
                                 {"PolicyVersionsInUseQuota", kPolicyVersionsInUseQuota},
                                 {"PolicyVersionsInUse", MR_TRY(context.store.count_links("version"))},
                                 // What is not served here there is none of.
                                 {"AccountMFAEnabled", 0},
                                 {"MFADevices", 0},
                                 {"MFADevicesInUse", 0},
                                 {"Providers", 0},
                                 {"ServerCertificates", 0},
                                 {"ServerCertificatesQuota", 20},
                                 {"SigningCertificatesPerUserQuota", 2},
                                 {"AccountSigningCertificatesPresent", 0},
                                 {"AccountPasswordPresent", 0}});
  // The tokens here are good in every region, whichever version is asked for.
  const auto tokens = MR_TRY(context.store.find(std::string(kSetting), std::string(kTokens)));
  summary.set("GlobalEndpointTokenVersion", tokens ? tokens->data["value"].int_or(1) : 1);
  summary.set("AccountAccessKeysPresent", MR_TRY(context.store.keys_of("")).empty() ? 0 : 1);
  for (const auto& [member, kind] :
       {std::pair("Users", "user"), std::pair("Groups", "group"), std::pair("Roles", "role"),
        std::pair("Policies", "policy"), std::pair("InstanceProfiles", "profile")}) {
    summary.set(member, MR_TRY(context.store.count(kind)));
  }
  return Value::object({{"SummaryMap", std::move(summary)}});
}

// RE2 has no look-ahead, so the model's pattern is checked here: small letters, digits and single hyphens within.
bool is_alias(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool hyphen = c == '-' && i > 0 && i + 1 < name.size() && name[i - 1] != '-';
    if (!plain && !hyphen) return false;
  }
  return true;
}

Status check_alias(const std::string& name) {
  if (is_alias(name)) return {};
  return fail(Code::invalid_argument,
              fmt::format("1 validation error detected: Value '{}' at 'accountAlias' failed to satisfy constraint: "
                          "Member must satisfy regular expression pattern: "
                          "^[a-z0-9]([a-z0-9]|-(?!-)){{1,61}}[a-z0-9]$",
                          name),
              "ValidationError");
}

// An account has one alias: a new one takes the place of the old.
Result<aws::Output> create_alias(Context& context, aws::Call& call, const Value& input) {
  const std::string name = input["AccountAlias"].string_or();
  MR_TRY(check_alias(name));
  for (const Entity& alias : MR_TRY(context.store.list("alias", "/"))) {
    if (alias.name == name) return already_exists(fmt::format("The account alias {} already exists.", name));
    MR_TRY(context.store.erase("alias", alias.name));
  }
  Entity alias;
  alias.kind = "alias";
  alias.name = name;
  alias.id = "alias/" + name;
  alias.created = call.now;
  MR_TRY(context.store.insert(alias));
  return aws::Output();
}

Result<aws::Output> list_aliases(Context& context, aws::Call&, const Value& input) {
  std::vector<Value> names;
  for (const Entity& alias : MR_TRY(context.store.list("alias", "/"))) names.emplace_back(alias.name);
  return page(input, "AccountAliases", std::move(names));
}

Result<aws::Output> delete_alias(Context& context, aws::Call&, const Value& input) {
  const std::string name = input["AccountAlias"].string_or();
  MR_TRY(check_alias(name));
  if (!MR_TRY(context.store.find("alias", name)))
    return no_such_entity(fmt::format("The account alias {} cannot be found.", name));
  MR_TRY(context.store.erase("alias", name));
  return aws::Output();
}

}  // namespace

Operations account_operations(Context& context) {
  Operations operations;
  const auto add = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_plain(operations, name, action, aws::any_resource(), bound(context, handler));
  };
  add("SetSecurityTokenServicePreferences", "iam:SetSecurityTokenServicePreferences", set_tokens);
  add("GetAccountSummary", "iam:GetAccountSummary", summary);
  add("CreateAccountAlias", "iam:CreateAccountAlias", create_alias);
  add("ListAccountAliases", "iam:ListAccountAliases", list_aliases);
  add("DeleteAccountAlias", "iam:DeleteAccountAlias", delete_alias);
  return operations;
}

}  // namespace millrace::iam
