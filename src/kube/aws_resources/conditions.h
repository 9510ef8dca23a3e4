#pragma once
// The conditions by which a custom resource says how it stands to what the service has, in the words of AWS's
// controllers. Source: github.com/aws-controllers-k8s/runtime, pkg/condition and pkg/runtime/reconciler.go.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/value.h"
#include "kube/aws_resources/aws_kinds.h"

namespace millrace::kube {

// The service has answered: `description` by the resource's names of fields, as its status shows it.
void set_observed(const AwsKind& kind, const Value& description, Value& status, Time now);
// It has refused, or cannot be reached. Whether only another spec helps is the answer.
enum class Remedy { try_again, change_spec };
Remedy set_refused(const Error& error, Value& status, Time now);
// Only another spec helps, for a reason that is not the service's.
void set_terminal(std::string_view message, std::string_view reason, Value& status, Time now);

}  // namespace millrace::kube
