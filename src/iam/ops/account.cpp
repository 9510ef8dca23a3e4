#include "iam/context.h"

namespace millrace::iam {

void add_account_operations(Operations& operations, Context& context) {
  operations.push_back({"GetAccountSummary", "iam:GetAccountSummary", aws::any_resource(),
                        [&context](aws::Call&, const Value&) -> Result<aws::Output> {
                          Value summary = Value::object({{"UsersQuota", 5000},
                                                         {"GroupsQuota", 300},
                                                         {"RolesQuota", 1000},
                                                         {"PoliciesQuota", 1500},
                                                         {"InstanceProfilesQuota", 1000},
                                                         {"AccessKeysPerUserQuota", 2},
                                                         {"AttachedPoliciesPerUserQuota", 10},
                                                         {"AttachedPoliciesPerRoleQuota", 10},
                                                         {"AttachedPoliciesPerGroupQuota", 10},
                                                         {"VersionsPerPolicyQuota", 5},
                                                         {"AccountMFAEnabled", 0}});
                          summary.set("AccountAccessKeysPresent", MR_TRY(context.store.keys_of("")).empty() ? 0 : 1);
                          for (const auto& [member, kind] :
                               {std::pair("Users", "user"), std::pair("Groups", "group"), std::pair("Roles", "role"),
                                std::pair("Policies", "policy"), std::pair("InstanceProfiles", "profile")}) {
                            summary.set(member, MR_TRY(context.store.list(kind, "/")).size());
                          }
                          return Value::object({{"SummaryMap", std::move(summary)}});
                        }});
}

}  // namespace millrace::iam
