#pragma once
// Passwords and what the account asks of them.

#include <string_view>

#include "iam/context.h"

namespace millrace::iam {

// The account's password policy by AWS's names; null where there is none, and AWS's default holds.
Result<Value> password_policy(Context& context);
// Error: PasswordPolicyViolation, with what the password lacks.
Status check_password(const Value& policy, std::string_view account, std::string_view password);

Operations password_policy_operations(Context& context);
Operations login_profile_operations(Context& context);

}  // namespace millrace::iam
