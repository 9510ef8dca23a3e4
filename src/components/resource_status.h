#pragma once
// The status of a custom resource as AWS's controller for Kubernetes keeps it.

#include <string>
#include <string_view>

#include "base/time.h"
#include "base/value.h"

namespace millrace::components {

struct StatusOf {
  std::string_view kind;           // "TrainingJob"
  std::string_view status_member;  // "TrainingJobStatus"; empty: none
  bool is_late_initialized = false;
};

// ackResourceMetadata, conditions, and the declared fields of the description of a resource that is as wanted.
Value resource_status(const StatusOf& of, const Value& described, const std::string& region, Time now);

// Of a training job: the rule (of the debugger or the profiler) that could not be evaluated or found something, in a
// sentence; empty when there is none. Whether all of its rules have ended: the profiler's only count while it is on.
std::string failed_rule(const Value& described);
bool rules_have_ended(const Value& described);

}  // namespace millrace::components
