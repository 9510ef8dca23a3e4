#pragma once
// A decision with everything that was considered on the way to it: for people who ask why (`millrace iam explain`, the
// policy simulator). A question of its own beside evaluate(): deciding records nothing and pays nothing. Pure.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "iam/policy/evaluate.h"

namespace millrace::iam::policy {

struct ConditionTrace {
  std::string operator_name;  // as written: "ForAnyValue:StringLikeIfExists"
  std::string key;
  std::vector<std::string> wanted;  // as written, variables not replaced
  std::vector<std::string> actual;  // of the request; empty when the key is absent
  bool present = false;
  bool holds = false;
};

// One statement and which of its parts speak of the question. All parts are tried, also when an earlier one did not.
struct StatementTrace {
  PolicyKind kind = PolicyKind::identity;
  std::string policy;         // NamedPolicy::name
  std::size_t statement = 0;  // place in its document, from 0
  std::string sid;
  Effect effect = Effect::deny;
  bool action = false;
  bool resource = false;   // true where the statement has no such element (trust policies)
  bool principal = false;  // the same for identity policies
  std::vector<ConditionTrace> conditions;
  bool conditions_hold = false;
  bool applies = false;  // all of them
  bool decided = false;  // this is the statement that the decision names
};

struct Trace {
  std::vector<StatementTrace> statements;  // identity, resource, boundary, session: each in the order given
  Decision decision;                       // the same that evaluate() gives
};

Trace trace(const Policies& policies, const Question& question);

// "the identity policies and the permissions boundary allow it": one clause for a person, of AWS's evaluation logic.
std::string_view sentence(Rule rule);
// Its name as written above: "allowed_within_limits".
std::string_view rule_name(Rule rule);
// "identity-based policy", "resource-based policy", "permissions boundary", "session policy".
std::string_view words(PolicyKind kind);

}  // namespace millrace::iam::policy
