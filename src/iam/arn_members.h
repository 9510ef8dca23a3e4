#pragma once
// Members that have to be ARNs, which the models do not say. Source: answers of AWS that LocalStack keeps as snapshots.

#include "aws/gateway.h"

namespace millrace::iam {

// ValidationError for text that is no ARN at all: of a policy (IAM), of a role (STS). Text that is too short is left to
// the model's constraint.
Status check_policy_arns(aws::Call& call, const aws::OperationModel& operation, Value& input);
Status check_role_arn(aws::Call& call, const aws::OperationModel& operation, Value& input);

}  // namespace millrace::iam
