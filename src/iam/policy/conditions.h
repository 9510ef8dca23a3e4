#pragma once
// The condition block of a statement. Pure.
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Single-valued vs. multivalued context
// keys", "Policy variables and tags".

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "iam/policy/document.h"

namespace millrace::iam::policy {

// Key names without case.
struct IgnoreCase {
  bool operator()(const std::string& a, const std::string& b) const;
};
using Context = std::map<std::string, std::vector<std::string>, IgnoreCase>;

bool is_condition_operator(std::string_view name);
// Its place in the table of operators; -1 when there is none.
int condition_operator(std::string_view name);

// "${aws:username}", "${key, 'default'}", "${*}", "${?}", "${$}". A variable without a value and without a default
// matches nothing: false. With `patterns`, what a variable brings in is literal, even if it holds * or ?.
bool expand_variables(std::string_view text, const Context& context, bool patterns, std::string& out);

// Does this one condition of a statement hold? A variable that nothing fills matches no value; a negated comparison
// with it forbids (a Deny applies) and never permits (an Allow does not).
bool condition_holds(const Condition& condition, const Context& context, bool variables, Effect effect = Effect::allow);
// All conditions of a statement must hold.
bool conditions_hold(const std::vector<Condition>& conditions, const Context& context, bool variables,
                     Effect effect = Effect::allow);

// '*' and '?' in `pattern` are wildcards, unless escaped by expand_variables.
bool wildcard_match(std::string_view pattern, std::string_view text, bool ignore_case);

}  // namespace millrace::iam::policy
