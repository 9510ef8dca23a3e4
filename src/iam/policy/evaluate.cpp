#include "iam/policy/evaluate.h"

#include "iam/policy/arn.h"

namespace millrace::iam::policy {
namespace {

bool action_listed(const Statement& statement, const std::string& action) {
  for (const std::string& pattern : statement.actions) {
    if (wildcard_match(pattern, action, true)) return true;
  }
  return false;
}

bool resource_listed(const Statement& statement, const Document& document, const Question& question) {
  for (const std::string& pattern : statement.resources) {
    std::string expanded;
    // Policy variables came with version 2012-10-17; before, they are plain text.
    if (document.version != "2012-10-17")
      expanded = pattern;
    else if (!expand_variables(pattern, question.context, true, expanded))
      continue;
    if (arn_match(expanded, question.resource)) return true;
  }
  return false;
}

bool principal_matches(const PrincipalPattern& pattern, const Requester& requester) {
  for (const std::string& value : pattern.values) {
    if (pattern.type == "*" || (pattern.type == "AWS" && value == "*")) return true;
    if (pattern.type == "Service") {
      if (requester.kind == Requester::Kind::service && value == requester.arn) return true;
      continue;
    }
    if (pattern.type != "AWS" || requester.kind == Requester::Kind::service ||
        requester.kind == Requester::Kind::anonymous)
      continue;
    // An account, by its number or its root, stands for everyone in it.
    if (value == requester.account || value == "arn:aws:iam::" + requester.account + ":root") return true;
    if (value == requester.arn || (!requester.role_arn.empty() && value == requester.role_arn)) return true;
  }
  return false;
}

// Named as itself rather than through its account: then a resource policy's allowance stands on its own.
bool named_directly(const Statement& statement, const Requester& requester) {
  for (const PrincipalPattern& pattern : statement.principals) {
    for (const std::string& value : pattern.values) {
      if (pattern.type == "*" || value == "*" || value == requester.arn ||
          (!requester.role_arn.empty() && value == requester.role_arn) ||
          (requester.kind == Requester::Kind::service && pattern.type == "Service" && value == requester.arn)) {
        return true;
      }
    }
  }
  return false;
}

// NotPrincipal spares only who it names itself: there, an account's root is the root user and not everyone in it, and a
// role is not its sessions (IAM User Guide, "NotPrincipal").
bool spared(const PrincipalPattern& pattern, const Requester& requester) {
  for (const std::string& value : pattern.values) {
    if (pattern.type == "*" || (pattern.type == "AWS" && value == "*")) return true;
    const bool service = requester.kind == Requester::Kind::service;
    if ((pattern.type == "Service") != service || requester.kind == Requester::Kind::anonymous) continue;
    if (value == requester.arn) return true;
    if (requester.kind == Requester::Kind::root && value == requester.account) return true;
  }
  return false;
}

bool principal_applies(const Statement& statement, const Requester& requester) {
  if (!statement.has_principal) return true;
  for (const PrincipalPattern& pattern : statement.principals) {
    if (statement.not_principal ? spared(pattern, requester) : principal_matches(pattern, requester)) {
      return !statement.not_principal;
    }
  }
  return statement.not_principal;
}

struct Found {
  const NamedPolicy* policy = nullptr;
  const Statement* statement = nullptr;
  explicit operator bool() const { return statement != nullptr; }
};

Found first(const std::vector<NamedPolicy>& policies, const Question& question, Effect effect) {
  for (const NamedPolicy& policy : policies) {
    for (const Statement& statement : policy.document->statements) {
      if (statement.effect == effect && applies(statement, *policy.document, question)) return {&policy, &statement};
    }
  }
  return {};
}

}  // namespace

bool applies(const Statement& statement, const Document& document, const Question& question) {
  if (action_listed(statement, question.action) == statement.not_action) return false;
  if (!statement.resources.empty() && resource_listed(statement, document, question) == statement.not_resource)
    return false;
  if (!principal_applies(statement, question.requester)) return false;
  return conditions_hold(statement.conditions, question.context, document.version == "2012-10-17");
}

Decision evaluate(const Policies& policies, const Question& question) {
  Decision decision;
  const auto deny = [&](const std::vector<NamedPolicy>& kind_policies, PolicyKind kind) {
    const Found found = first(kind_policies, question, Effect::deny);
    if (!found) return false;
    decision.explicitly_denied = true;
    decision.decided_by = kind;
    decision.policy = found.policy->name;
    decision.sid = found.statement->sid;
    return true;
  };
  // An explicit deny, wherever it stands, is the end of it.
  if (deny(policies.identity, PolicyKind::identity) || deny(policies.resource, PolicyKind::resource) ||
      deny(policies.boundary, PolicyKind::boundary) || deny(policies.session, PolicyKind::session)) {
    return decision;
  }
  const auto allow = [&](const Found& found) {
    decision.allowed = true;
    decision.policy = found.policy->name;
    decision.sid = found.statement->sid;
    return decision;
  };
  const Requester& requester = question.requester;
  const bool same_account = question.resource_account.empty() || requester.account == question.resource_account;
  const Found by_resource = first(policies.resource, question, Effect::allow);
  if (requester.kind == Requester::Kind::anonymous || requester.kind == Requester::Kind::service) {
    decision.decided_by = PolicyKind::resource;
    return by_resource ? allow(by_resource) : decision;
  }
  if (requester.kind == Requester::Kind::root && same_account) {
    decision.allowed = true;
    decision.policy = "account root";
    return decision;
  }
  // Within the account, a resource policy that names the user or session itself needs nobody else's leave, not even the
  // boundary's; one that names the role is still limited by boundary and session.
  if (by_resource && same_account && named_directly(*by_resource.statement, requester)) {
    bool names_session = requester.kind == Requester::Kind::user;
    for (const PrincipalPattern& pattern : by_resource.statement->principals) {
      for (const std::string& value : pattern.values) names_session = names_session || value == requester.arn;
    }
    if (names_session) return allow(by_resource);
  }
  const Found by_identity = first(policies.identity, question, Effect::allow);
  const bool granted = same_account ? (by_identity || by_resource) : (by_identity && by_resource);
  if (!granted) {
    decision.decided_by = by_identity ? PolicyKind::resource : PolicyKind::identity;
    return decision;
  }
  if (!policies.boundary.empty() && !first(policies.boundary, question, Effect::allow)) {
    decision.decided_by = PolicyKind::boundary;
    return decision;
  }
  if (!policies.session.empty() && !first(policies.session, question, Effect::allow)) {
    decision.decided_by = PolicyKind::session;
    return decision;
  }
  return allow(by_identity ? by_identity : by_resource);
}

Decision evaluate_trust(const Document& trust, const Question& question) {
  Policies policies;
  policies.resource.push_back({"trust policy", &trust});
  Decision decision;
  decision.decided_by = PolicyKind::resource;
  if (const Found found = first(policies.resource, question, Effect::deny)) {
    decision.explicitly_denied = true;
    decision.sid = found.statement->sid;
    return decision;
  }
  decision.allowed = static_cast<bool>(first(policies.resource, question, Effect::allow));
  return decision;
}

}  // namespace millrace::iam::policy
