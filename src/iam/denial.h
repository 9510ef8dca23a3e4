#pragma once
// AWS's sentence for a denied request: who, which action, on what, because of which kind of policy.
// Source: IAM User Guide, "Troubleshoot access denied error messages".

#include <string>

#include "aws/gateway.h"
#include "iam/policy/evaluate.h"

namespace millrace::iam {

// "User: arn:… is not authorized to perform: iam:GetUser on resource: arn:… because no identity-based policy allows the
// iam:GetUser action". S3 puts the resource in quotation marks; an explicit deny in a managed policy names the policy.
// Anonymous requests learn nothing: "Access Denied".
std::string denial(const aws::Principal& principal, const aws::Check& check, const policy::Decision& decision);

}  // namespace millrace::iam
