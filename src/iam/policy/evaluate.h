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
  enum class Kind { anonymous, root, user, assumed_role, service } kind = Kind::anonymous;
  std::string account;
  std::string arn;       // user, root or session ARN; "sagemaker.amazonaws.com" for a service
  std::string role_arn;  // of an assumed role
};

struct Question {
  Requester requester;
  std::string action;            // "s3:GetObject"
  std::string resource;          // an ARN, or "*"
  std::string resource_account;  // the account that owns the resource
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

struct Decision {
  bool allowed = false;
  bool explicitly_denied = false;
  PolicyKind decided_by = PolicyKind::identity;  // the kind that denied, or that gave no permission
  std::string policy, sid;                       // the deciding statement where one decided
};

// Does this statement speak of the question (action, resource, principal, conditions)?
bool applies(const Statement& statement, const Document& document, const Question& question);

Decision evaluate(const Policies& policies, const Question& question);

// A trust policy: may the requester do `action` (sts:AssumeRole)?
Decision evaluate_trust(const Document& trust, const Question& question);

}  // namespace millrace::iam::policy
