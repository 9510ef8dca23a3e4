#include "app/identity/explanation.h"

#include "base/time.h"
#include "iam/policy/trace.h"

namespace millrace::app {
namespace {

using iam::policy::NamedPolicy;
using iam::policy::PolicyKind;
using iam::policy::Statement;
using iam::policy::StatementTrace;

const std::vector<NamedPolicy>& policies_of(const iam::policy::Policies& policies, PolicyKind kind) {
  switch (kind) {
    case PolicyKind::identity:
      return policies.identity;
    case PolicyKind::resource:
      return policies.resource;
    case PolicyKind::boundary:
      return policies.boundary;
    case PolicyKind::session:
      return policies.session;
  }
  return policies.identity;
}

const Statement* statement_of(const iam::policy::Policies& policies, const StatementTrace& step) {
  for (const NamedPolicy& policy : policies_of(policies, step.kind)) {
    if (policy.name == step.policy && step.statement < policy.document->statements.size())
      return &policy.document->statements[step.statement];
  }
  return nullptr;
}

Value statement_value(const iam::policy::Policies& policies, const StatementTrace& step) {
  Value out = Value::object({{"kind", iam::policy::words(step.kind)},
                             {"policy", step.policy},
                             {"number", static_cast<std::int64_t>(step.statement) + 1},
                             {"sid", step.sid},
                             {"effect", step.effect == iam::policy::Effect::allow ? "Allow" : "Deny"},
                             {"action_matches", step.action},
                             {"resource_matches", step.resource},
                             {"principal_matches", step.principal},
                             {"conditions_hold", step.conditions_hold},
                             {"applies", step.applies},
                             {"decided", step.decided}});
  if (const Statement* statement = statement_of(policies, step)) {
    out.set(statement->not_action ? "not_action" : "action", Value::texts(statement->actions));
    out.set(statement->not_resource ? "not_resource" : "resource", Value::texts(statement->resources));
  }
  Value conditions = Value::array();
  for (const auto& condition : step.conditions) {
    conditions.push(Value::object({{"operator", condition.operator_name},
                                   {"key", condition.key},
                                   {"wanted", Value::texts(condition.wanted)},
                                   {"present", condition.present},
                                   {"actual", Value::texts(condition.actual)},
                                   {"holds", condition.holds}}));
  }
  return out.set("conditions", std::move(conditions));
}

}  // namespace

Value verdict(const iam::policy::Decision& decision) {
  return Value::object({{"allowed", decision.allowed},
                        {"rule", iam::policy::rule_name(decision.rule)},
                        {"because", iam::policy::sentence(decision.rule)},
                        {"kind", iam::policy::words(decision.decided_by)},
                        {"policy", decision.policy},
                        {"sid", decision.sid}});
}

Value explanation(const iam::PastDecision& past) {
  const iam::policy::Trace trace = iam::trace_of(past.considered);
  const iam::policy::Question& question = past.considered.question;
  Value out = verdict(trace.decision);
  out.set("at", format_rfc3339(past.at)).set("request_id", past.request_id).set("service", past.service);
  out.set("operation", past.operation).set("run", past.origin).set("access_key_id", past.access_key_id);
  out.set("principal", question.requester.arn.empty() ? "anonymous" : question.requester.arn);
  if (!question.requester.role_arn.empty()) out.set("role", question.requester.role_arn);
  out.set("action", question.action).set("resource", question.resource);
  Value keys = Value::object();
  for (const auto& [key, values] : question.context) keys.set(key, Value::texts(values));
  out.set("keys", std::move(keys));
  Value statements = Value::array();
  for (const StatementTrace& step : trace.statements) statements.push(statement_value(past.considered.policies, step));
  out.set("statements", std::move(statements));
  const auto& policies = past.considered.policies;
  const auto count = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  return out.set("policies", Value::object({{"identity", count(policies.identity)},
                                            {"resource", count(policies.resource)},
                                            {"boundary", count(policies.boundary)},
                                            {"session", count(policies.session)}}));
}

}  // namespace millrace::app
