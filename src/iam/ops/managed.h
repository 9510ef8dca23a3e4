#pragma once
// What the operations on managed policies share.

#include <map>
#include <string>

#include "iam/context.h"
#include "iam/managed_policies.h"

namespace millrace::iam {

// Parses the document and checks its size. Errors: MalformedPolicyDocument, LimitExceeded (PolicySize).
Status check_managed_document(const std::string& document);

// Who uses which policy, read at once for an answer that shows many.
class PolicyUses {
 public:
  static Result<PolicyUses> of(Context& context);
  std::size_t attached(const std::string& arn) const;  // to users, roles and groups
  std::size_t bounding(const std::string& arn) const;  // as the boundary of users and roles
  Value value(const Entity& policy) const;             // the answer's Policy, without tags
  Value value(const ManagedPolicy& policy) const;

 private:
  std::map<std::string, std::size_t> attached_, bounding_;  // by ARN in lower case
};

// The versions of one of the account's policies, newest first.
Result<std::vector<Link>> versions_of(Context& context, const std::string& arn);
Value version_value(const Entity& policy, const Link& version, bool with_document);
Value version_value(const ManagedPolicy& policy, bool with_document);

}  // namespace millrace::iam
