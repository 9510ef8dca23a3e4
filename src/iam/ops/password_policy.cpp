// The account's password policy, and what it asks of a password.

#include "iam/ops/passwords.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::iam {
namespace {

constexpr std::string_view kKind = "password-policy", kName = "PasswordPolicy";
constexpr std::int64_t kLeastLength = 6, kDefaultLength = 8;
constexpr int kDefaultSorts = 3;  // of small letters, capitals, digits and others
// What AWS takes for a symbol (IAM User Guide, "Set an account password policy for IAM users").
constexpr std::string_view kSymbols = "!@#$%^&*()_+-=[]{}|'";

Result<std::optional<Entity>> kept(Context& context) {
  return context.store.find(std::string(kKind), std::string(kName));
}

struct Sorts {
  bool lower = false, upper = false, digit = false, symbol = false, other = false;
};

Sorts sorts_of(std::string_view password) {
  Sorts sorts;
  for (const char c : password) {
    sorts.lower = sorts.lower || (c >= 'a' && c <= 'z');
    sorts.upper = sorts.upper || (c >= 'A' && c <= 'Z');
    sorts.digit = sorts.digit || (c >= '0' && c <= '9');
    sorts.symbol = sorts.symbol || kSymbols.find(c) != std::string_view::npos;
  }
  sorts.other = std::ranges::any_of(
      password, [](char c) { return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z'); });
  return sorts;
}

tl::unexpected<Error> violation(std::string_view what) {
  return fail(Code::invalid_argument, fmt::format("Password does not conform to the account password policy: {}", what),
              "PasswordPolicyViolation");
}

// A setting that is not given becomes the default again (API reference, UpdateAccountPasswordPolicy).
Result<aws::Output> update(Context& context, aws::Call& call, const Value& input) {
  Entity policy;
  policy.kind = kKind;
  policy.name = kName;
  policy.id = "password-policy";
  policy.created = call.now;
  policy.data.set("MinimumPasswordLength", input["MinimumPasswordLength"].int_or(kLeastLength));
  for (const char* flag : {"RequireSymbols", "RequireNumbers", "RequireUppercaseCharacters",
                           "RequireLowercaseCharacters", "AllowUsersToChangePassword", "HardExpiry"})
    policy.data.set(flag, input[flag].bool_or(false));
  for (const char* number : {"MaxPasswordAge", "PasswordReusePrevention"})
    policy.data.set_if(input[number].is_number(), number, input[number]);
  policy.data.set("ExpirePasswords", input["MaxPasswordAge"].is_number());
  if (MR_TRY(kept(context)))
    MR_TRY(context.store.replace(policy.name, policy));
  else
    MR_TRY(context.store.insert(policy));
  return aws::Output();
}

Result<aws::Output> get(Context& context, aws::Call&, const Value&) {
  const auto policy = MR_TRY(kept(context));
  if (!policy)
    return no_such_entity(fmt::format("The Password Policy with domain name {} cannot be found.", context.account));
  return Value::object({{"PasswordPolicy", policy->data}});
}

Result<aws::Output> erase(Context& context, aws::Call&, const Value&) {
  if (!MR_TRY(kept(context))) return no_such_entity("The account policy with name PasswordPolicy cannot be found.");
  MR_TRY(context.store.erase(std::string(kKind), std::string(kName)));
  return aws::Output();
}

}  // namespace

Result<Value> password_policy(Context& context) {
  const auto policy = MR_TRY(kept(context));
  return policy ? policy->data : Value();
}

Status check_password(const Value& policy, std::string_view account, std::string_view password) {
  const Sorts sorts = sorts_of(password);
  if (policy.is_null()) {
    if (static_cast<std::int64_t>(password.size()) < kDefaultLength)
      return violation(fmt::format("it should have a minimum length of {}.", kDefaultLength));
    if (sorts.lower + sorts.upper + sorts.digit + sorts.other < kDefaultSorts)
      return violation("it should hold three of small letters, capitals, digits and other characters.");
    if (password == account) return violation("it should not be the account's name.");
    return {};
  }
  const std::int64_t least = policy["MinimumPasswordLength"].int_or(kLeastLength);
  if (static_cast<std::int64_t>(password.size()) < least)
    return violation(fmt::format("it should have a minimum length of {}.", least));
  struct Need {
    const char* flag;
    bool met;
    const char* what;
  };
  for (const Need& need :
       {Need{"RequireUppercaseCharacters", sorts.upper, "it should have at least one capital letter."},
        Need{"RequireLowercaseCharacters", sorts.lower, "it should have at least one small letter."},
        Need{"RequireNumbers", sorts.digit, "it should have at least one digit."},
        Need{"RequireSymbols", sorts.symbol, "it should have at least one symbol."}}) {
    if (policy[need.flag].bool_or(false) && !need.met) return violation(need.what);
  }
  return {};
}

Operations password_policy_operations(Context& context) {
  Operations operations;
  const auto add = [&](std::string_view name, aws::IamAction action, Handler handler) {
    add_plain(operations, name, action, aws::any_resource(), bound(context, handler));
  };
  add("UpdateAccountPasswordPolicy", "iam:UpdateAccountPasswordPolicy", update);
  add("GetAccountPasswordPolicy", "iam:GetAccountPasswordPolicy", get);
  add("DeleteAccountPasswordPolicy", "iam:DeleteAccountPasswordPolicy", erase);
  return operations;
}

}  // namespace millrace::iam
