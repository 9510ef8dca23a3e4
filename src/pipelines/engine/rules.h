#pragma once
// The version of the engine's rules: of what follows from an event. A run's first event names the rules that it was
// started with, and its other events are only understood by those: an unfinished run is continued by them, or refused.
//
// A change after which the events of a stored run would give another state (a node's path, when a task begins, what a
// retry begins again) makes a new version: kRules grows, and State::rules() is asked where the versions differ. A
// version that is dropped raises kOldestRules.

#include "base/result.h"

namespace millrace::pipelines::engine {

inline constexpr int kRules = 1;        // of new runs
inline constexpr int kOldestRules = 1;  // of those that are known; also of events that name none
static_assert(kOldestRules <= kRules);

// Errors: failed_precondition for rules that this program does not know.
Status check_rules(int rules);

}  // namespace millrace::pipelines::engine
