#pragma once
// A user, group or role by its ARN, and the identity policies that it has.

#include <string>
#include <vector>

#include "iam/context.h"

namespace millrace::iam {

struct Source {
  std::string id, type, text;     // the policy's name; "user", "group", "role" (inline), "user-managed", "aws-managed"
  std::string arn;                // of a managed policy
  std::string owner_kind, owner;  // whom it is attached to
};

struct Identity {
  std::string kind;
  Entity entity;
};

// Errors: InvalidInput for what is not such an ARN, NoSuchEntity.
Result<Identity> identity_of(Context& context, const std::string& arn);
// What the entity has, with what its groups have for a user.
Result<std::vector<Source>> sources_of(Context& context, const Identity& identity);
// The default version's document of a managed policy, AWS's or the account's own. Error: NoSuchEntity.
Result<std::string> managed_text(Context& context, const std::string& arn);

}  // namespace millrace::iam
