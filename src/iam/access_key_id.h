#pragma once
// Ids of access keys: "AKIA" (lasting) or "ASIA" (of a session) and 16 letters and digits, in which the account stands
// as it does in AWS's. Pure but for chance.

#include <string>
#include <string_view>

namespace millrace::iam {

std::string new_access_key_id(std::string_view prefix, std::string_view account);
// Empty for the ids of before AWS (or this server) wrote the account into them.
std::string account_of_access_key(std::string_view id);

}  // namespace millrace::iam
