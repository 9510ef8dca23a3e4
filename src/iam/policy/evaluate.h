#pragma once
// The decision: which of the policies that bear on a request allow it, which deny it, and which one decided. Pure.
// Source: IAM User Guide, "Policy evaluation logic", "How AWS evaluates requests within a single account".

#include <string>
#include <string_view>
#include <vector>

#include "iam/policy/conditions.h"
#include "iam/policy/document.h"

namespace millrace::iam::policy {

// Who asks, as resource policies see it.
struct Requester {
  enum class Kind { anonymous, root, user, assumed_role, service, federated_user } kind = Kind::anonymous;
  std::string account;
  std::string arn;       // user, root or session ARN; "sagemaker.amazonaws.com" for a service
  std::string role_arn;  // of an assumed role; of a federated user, the user who asked for the session
};

struct Question {
  Requester requester;
  std::string action;            // "s3:GetObject"
  std::string resource;          // an ARN, or "*"
  std::string resource_account;  // the account that owns the resource; empty: the requester's
  Context context;
};

struct NamedPolicy {
  std::string name;  // for people: an ARN, or "inline policy p of user u"
  const Document* document = nullptr;
};

struct Policies {
  std::vector<NamedPolicy> identity;  // of the user and its groups, or of the role
  std::vector<NamedPolicy> resource;
  std::vector<NamedPolicy> boundary;  // none: unlimited
  std::vector<NamedPolicy> session;   // none: unlimited
};

enum class PolicyKind { identity, resource, boundary, session };

// The step of AWS's evaluation that had the last word.
enum class Rule {
  explicit_deny,          // a statement says Deny
  root_of_account,        // the account's root user, within its account
  resource_names_caller,  // the resource's policy names user, session or service itself: no other permission is needed
  allowed_within_limits,  // identity or resource policy, and boundary and session policies where there are any
  allowed_on_both_sides,  // another account's resource: identity and resource policy, and the limits
  no_identity_policy,     // nothing allows it
  no_resource_policy,     // another account's resource, or one who has no identity policies
  no_boundary,            // granted, but not within the permissions boundary
  no_session_policy,      // granted, but not by the session policies
};

struct Decision {
  bool allowed = false;
  bool explicitly_denied = false;
  PolicyKind decided_by = PolicyKind::identity;  // the kind that allowed or denied, or that gave no permission
  std::string policy, sid;                       // the deciding statement where one decided
  Rule rule = Rule::no_identity_policy;
  const Document* document = nullptr;  // and where it stands; null where none decided
  std::size_t statement = 0;
};

// Does this statement speak of the question (action, resource, principal, conditions)?
bool applies(const Statement& statement, const Document& document, const Question& question);
// Its parts, each true where the statement has no such element.
bool action_applies(const Statement& statement, const Question& question);
bool resource_applies(const Statement& statement, const Document& document, const Question& question);
bool principal_applies(const Statement& statement, const Question& question);

Decision evaluate(const Policies& policies, const Question& question);

// A trust policy: may the requester do `action` (sts:AssumeRole)?
Decision evaluate_trust(const Document& trust, const Question& question);

}  // namespace millrace::iam::policy
