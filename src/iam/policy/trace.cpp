#include "iam/policy/trace.h"

namespace millrace::iam::policy {
namespace {

std::string written(const Condition& condition) {
  std::string name = condition.qualifier == Condition::Qualifier::for_all_values  ? "ForAllValues:"
                     : condition.qualifier == Condition::Qualifier::for_any_value ? "ForAnyValue:"
                                                                                  : "";
  name += condition.operator_name;
  if (condition.if_exists) name += "IfExists";
  return name;
}

ConditionTrace trace_of(const Condition& condition, const Question& question, bool variables, Effect effect) {
  ConditionTrace out;
  out.operator_name = written(condition);
  out.key = condition.key;
  out.wanted = condition.values;
  if (const auto found = question.context.find(condition.key); found != question.context.end()) {
    out.actual = found->second;
    out.present = !found->second.empty();
  }
  out.holds = condition_holds(condition, question.context, variables, effect);
  return out;
}

}  // namespace

Trace trace(const Policies& policies, const Question& question) {
  Trace out;
  out.decision = evaluate(policies, question);
  const bool bounded = !policies.boundary.empty();
  const auto add = [&](const std::vector<NamedPolicy>& list, PolicyKind kind) {
    for (const NamedPolicy& policy : list) {
      const Document& document = *policy.document;
      const bool variables = document.version == "2012-10-17";
      for (std::size_t i = 0; i < document.statements.size(); ++i) {
        const Statement& statement = document.statements[i];
        StatementTrace step;
        step.kind = kind;
        step.policy = policy.name;
        step.statement = i;
        step.sid = statement.sid;
        step.effect = statement.effect;
        step.action = action_applies(statement, question);
        step.resource = resource_applies(statement, document, question);
        step.principal = principal_applies(statement, question) ||
                         (kind == PolicyKind::resource && bounded && statement.not_principal);
        step.conditions_hold = true;
        for (const Condition& condition : statement.conditions) {
          step.conditions.push_back(trace_of(condition, question, variables, statement.effect));
          step.conditions_hold = step.conditions_hold && step.conditions.back().holds;
        }
        step.applies = step.action && step.resource && step.principal && step.conditions_hold;
        step.decided = out.decision.decided_by == kind && out.decision.document == &document &&
                       out.decision.statement == i && out.decision.policy == policy.name;
        out.statements.push_back(std::move(step));
      }
    }
  };
  add(policies.identity, PolicyKind::identity);
  add(policies.resource, PolicyKind::resource);
  add(policies.boundary, PolicyKind::boundary);
  add(policies.session, PolicyKind::session);
  return out;
}

std::string_view sentence(Rule rule) {
  switch (rule) {
    case Rule::explicit_deny:
      return "a statement denies it, and a deny overrides every allow";
    case Rule::root_of_account:
      return "the account's root user may do everything in its account that is not denied";
    case Rule::resource_names_caller:
      return "the resource's own policy names the caller, which needs no other leave";
    case Rule::allowed_within_limits:
      return "it is granted, and no permissions boundary or session policy withholds it";
    case Rule::allowed_on_both_sides:
      return "the caller's account and the resource's policy both allow it";
    case Rule::no_identity_policy:
      return "no identity-based policy allows it";
    case Rule::no_resource_policy:
      return "no resource-based policy allows it";
    case Rule::no_boundary:
      return "it is granted, but the permissions boundary does not allow it";
    case Rule::no_session_policy:
      return "it is granted, but no session policy allows it";
  }
  return "";
}

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::explicit_deny:
      return "explicit_deny";
    case Rule::root_of_account:
      return "root_of_account";
    case Rule::resource_names_caller:
      return "resource_names_caller";
    case Rule::allowed_within_limits:
      return "allowed_within_limits";
    case Rule::allowed_on_both_sides:
      return "allowed_on_both_sides";
    case Rule::no_identity_policy:
      return "no_identity_policy";
    case Rule::no_resource_policy:
      return "no_resource_policy";
    case Rule::no_boundary:
      return "no_boundary";
    case Rule::no_session_policy:
      return "no_session_policy";
  }
  return "";
}

std::string_view words(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::identity:
      return "identity-based policy";
    case PolicyKind::resource:
      return "resource-based policy";
    case PolicyKind::boundary:
      return "permissions boundary";
    case PolicyKind::session:
      return "session policy";
  }
  return "policy";
}

}  // namespace millrace::iam::policy
