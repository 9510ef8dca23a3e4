#pragma once
// Decisions as JSON: the request, the verdict and each statement that was considered, with its own words.

#include "base/value.h"
#include "iam/decisions.h"

namespace millrace::app {

Value explanation(const iam::PastDecision& past);
// {"allowed", "rule", "because", "kind", "policy", "sid"} of a decision.
Value verdict(const iam::policy::Decision& decision);

}  // namespace millrace::app
