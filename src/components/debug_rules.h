#pragma once
#include "base/value.h"
#include "components/component.h"

namespace millrace::components {

// The end of a completed training job's debug rules, from its description: done when there are none; not yet while one
// is in progress; with an error when one could not be evaluated. Logs each rule's state.
JobStatus debug_rule_status(const Value& description);

}  // namespace millrace::components
