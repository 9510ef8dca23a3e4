#include "iam/policy/evaluate.h"

#include <algorithm>

#include "iam/policy/arn.h"

namespace millrace::iam::policy {
namespace {

bool action_listed(const Statement& statement, const std::string& action) {
  for (const std::string& pattern : statement.actions) {
    if (wildcard_match(pattern, action, true)) return true;
  }
  return false;
}

enum class Listed { no, yes, unfilled };

Listed resource_listed(const Statement& statement, const Document& document, const Question& question) {
  Listed listed = Listed::no;
  std::string expanded;
  // Policy variables came with version 2012-10-17; before, they are plain text.
  const bool variables = document.version == "2012-10-17";
  for (const std::string& pattern : statement.resources) {
    if (!variables || pattern.find("${") == std::string::npos) {
      if (arn_match(pattern, question.resource)) return Listed::yes;
    } else if (!expand_variables(pattern, question.context, true, expanded)) {
      listed = Listed::unfilled;
    } else if (arn_match(expanded, question.resource)) {
      return Listed::yes;
    }
  }
  return listed;
}

// How a Principal element names the requester: not at all; through its account (which leaves it to the account's own
// policies); as the identity behind a session; or as itself, which "*" does for everyone.
enum class Named { no, account, identity, itself };

Named named_by(const PrincipalPattern& pattern, const std::string& value, const Requester& requester) {
  using Who = Requester::Kind;
  if (pattern.type == "*" || (pattern.type == "AWS" && value == "*")) return Named::itself;
  if (pattern.type == "Service")
    return requester.kind == Who::service && value == requester.arn ? Named::itself : Named::no;
  if (pattern.type != "AWS" || requester.kind == Who::service || requester.kind == Who::anonymous) return Named::no;
  if (value == requester.arn) return requester.kind == Who::root ? Named::account : Named::itself;
  if (!requester.role_arn.empty() && value == requester.role_arn) return Named::identity;
  // An account, by its number or its root, represents everyone in it.
  if (value == requester.account) return Named::account;
  return value.starts_with("arn:aws:iam::") && value.ends_with(":root") &&
                 std::string_view(value).substr(13, value.size() - 18) == requester.account
             ? Named::account
             : Named::no;
}

Named named_by(const Statement& statement, const Requester& requester) {
  // Everyone but the named is nobody in particular, and still meant as itself.
  if (statement.not_principal) return Named::itself;
  Named best = Named::no;
  for (const PrincipalPattern& pattern : statement.principals) {
    for (const std::string& value : pattern.values) best = std::max(best, named_by(pattern, value, requester));
  }
  return best;
}

// NotPrincipal exempts only those it names itself: there, an account's root is the root user and not everyone in it,
// and a role is not its sessions (IAM User Guide, "NotPrincipal").
bool exempt(const PrincipalPattern& pattern, const Requester& requester) {
  for (const std::string& value : pattern.values) {
    if (pattern.type == "*" || (pattern.type == "AWS" && value == "*")) return true;
    const bool service = requester.kind == Requester::Kind::service;
    if ((pattern.type == "Service") != service || requester.kind == Requester::Kind::anonymous) continue;
    if (value == requester.arn) return true;
    if (requester.kind == Requester::Kind::root && value == requester.account) return true;
  }
  return false;
}

struct Found {
  const NamedPolicy* policy = nullptr;
  std::size_t place = 0;
  explicit operator bool() const { return policy != nullptr; }
  const Statement& statement() const { return policy->document->statements[place]; }
};

// One kind of policies in one pass: a statement that denies is the end; else the first that allows.
struct Scan {
  Found deny, allow;
};

Scan scan(const std::vector<NamedPolicy>& policies, const Question& question) {
  Scan result;
  for (const NamedPolicy& policy : policies) {
    const auto& statements = policy.document->statements;
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (statements[i].effect == Effect::allow && result.allow) continue;
      if (!applies(statements[i], *policy.document, question)) continue;
      if (statements[i].effect == Effect::deny) {
        result.deny = {&policy, i};
        return result;
      }
      result.allow = {&policy, i};
    }
  }
  return result;
}

// Resource policies: the statement that names the requester most directly.
struct ResourceScan {
  Found deny, allow;
  Named named = Named::no;
};

ResourceScan scan_resource(const Policies& policies, const Question& question) {
  ResourceScan result;
  const bool bounded = !policies.boundary.empty();
  for (const NamedPolicy& policy : policies.resource) {
    const auto& statements = policy.document->statements;
    for (std::size_t i = 0; i < statements.size(); ++i) {
      const Statement& statement = statements[i];
      if (statement.effect == Effect::deny) {
        // A principal with a permissions boundary is denied by NotPrincipal whomever it exempts (IAM User Guide,
        // "NotPrincipal", key points).
        const bool hit = statement.not_principal && bounded
                             ? action_applies(statement, question) &&
                                   resource_applies(statement, *policy.document, question) &&
                                   conditions_hold(statement.conditions, question.context,
                                                   policy.document->version == "2012-10-17", Effect::deny)
                             : applies(statement, *policy.document, question);
        if (!hit) continue;
        result.deny = {&policy, i};
        return result;
      }
      const Named named = named_by(statement, question.requester);
      if (named <= result.named || !applies(statement, *policy.document, question)) continue;
      result.allow = {&policy, i};
      result.named = named;
    }
  }
  return result;
}

}  // namespace

bool action_applies(const Statement& statement, const Question& question) {
  return action_listed(statement, question.action) != statement.not_action;
}

bool resource_applies(const Statement& statement, const Document& document, const Question& question) {
  if (statement.resources.empty()) return true;
  const Listed listed = resource_listed(statement, document, question);
  if (!statement.not_resource) return listed == Listed::yes;
  // All but what a variable names that nothing fills: that forbids, and never permits.
  return listed == Listed::no || (listed == Listed::unfilled && statement.effect == Effect::deny);
}

bool principal_applies(const Statement& statement, const Question& question) {
  if (!statement.has_principal) return true;
  if (!statement.not_principal) return named_by(statement, question.requester) != Named::no;
  return std::ranges::none_of(statement.principals,
                              [&](const PrincipalPattern& pattern) { return exempt(pattern, question.requester); });
}

bool applies(const Statement& statement, const Document& document, const Question& question) {
  return action_applies(statement, question) && resource_applies(statement, document, question) &&
         principal_applies(statement, question) &&
         conditions_hold(statement.conditions, question.context, document.version == "2012-10-17", statement.effect);
}

Decision evaluate(const Policies& policies, const Question& question) {
  Decision decision;
  const auto decide = [&](bool allowed, Rule rule, PolicyKind kind, const Found& found = {}) {
    decision.allowed = allowed;
    decision.rule = rule;
    decision.decided_by = kind;
    if (found) {
      decision.policy = found.policy->name;
      decision.sid = found.statement().sid;
      decision.document = found.policy->document;
      decision.statement = found.place;
    }
    return decision;
  };
  // An explicit deny, wherever it stands, is the end of it.
  const auto denied = [&](PolicyKind kind, const Found& found) {
    decision.explicitly_denied = true;
    return decide(false, Rule::explicit_deny, kind, found);
  };
  const Scan identity = scan(policies.identity, question);
  if (identity.deny) return denied(PolicyKind::identity, identity.deny);
  const ResourceScan resource = scan_resource(policies, question);
  if (resource.deny) return denied(PolicyKind::resource, resource.deny);
  const Scan boundary = scan(policies.boundary, question);
  if (boundary.deny) return denied(PolicyKind::boundary, boundary.deny);
  const Scan session = scan(policies.session, question);
  if (session.deny) return denied(PolicyKind::session, session.deny);

  using Who = Requester::Kind;
  const Requester& requester = question.requester;
  const bool same_account = question.resource_account.empty() || requester.account == question.resource_account;
  // These have no policies of their own.
  if (requester.kind == Who::anonymous || requester.kind == Who::service) {
    if (!resource.allow) return decide(false, Rule::no_resource_policy, PolicyKind::resource);
    return decide(true, Rule::resource_names_caller, PolicyKind::resource, resource.allow);
  }
  if (requester.kind == Who::root) {
    if (same_account) {
      decision.policy = "account root";
      return decide(true, Rule::root_of_account, PolicyKind::identity);
    }
    if (!resource.allow) return decide(false, Rule::no_resource_policy, PolicyKind::resource);
    return decide(true, Rule::allowed_on_both_sides, PolicyKind::resource, resource.allow);
  }
  // Within the account, a resource policy that names the user or the session itself needs no other policy's permission,
  // not even the boundary's; one that names the identity behind a session is still limited by boundary and session
  // policies; one that names the account leaves it to the account's identity policies.
  if (same_account && resource.named == Named::itself)
    return decide(true, Rule::resource_names_caller, PolicyKind::resource, resource.allow);
  const bool by_resource = same_account ? resource.named == Named::identity : static_cast<bool>(resource.allow);
  if (same_account ? !identity.allow && !by_resource : !identity.allow)
    return decide(false, Rule::no_identity_policy, PolicyKind::identity);
  if (!same_account && !by_resource) return decide(false, Rule::no_resource_policy, PolicyKind::resource);
  if (!policies.boundary.empty() && !boundary.allow) return decide(false, Rule::no_boundary, PolicyKind::boundary);
  if (!policies.session.empty() && !session.allow) return decide(false, Rule::no_session_policy, PolicyKind::session);
  return decide(true, same_account ? Rule::allowed_within_limits : Rule::allowed_on_both_sides,
                identity.allow ? PolicyKind::identity : PolicyKind::resource,
                identity.allow ? identity.allow : resource.allow);
}

Decision evaluate_trust(const Document& trust, const Question& question) {
  Policies policies;
  policies.resource.push_back({"trust policy", &trust});
  const ResourceScan found = scan_resource(policies, question);
  const Found& decisive = found.deny ? found.deny : found.allow;
  Decision decision;
  decision.decided_by = PolicyKind::resource;
  decision.allowed = decisive && !found.deny;
  decision.explicitly_denied = static_cast<bool>(found.deny);
  decision.rule = found.deny    ? Rule::explicit_deny
                  : found.allow ? Rule::resource_names_caller
                                : Rule::no_resource_policy;
  if (decisive) {
    decision.policy = decisive.policy->name;
    decision.sid = decisive.statement().sid;
    decision.document = &trust;
    decision.statement = decisive.place;
  }
  return decision;
}

}  // namespace millrace::iam::policy
