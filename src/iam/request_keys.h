#pragma once
// The condition keys of a live request: the global ones, and those of S3 that its headers and its signature tell. Keys
// of an operation's own input come with the check (aws::Check::keys), tags of a resource from its service. Source: IAM
// User Guide, "AWS global condition context keys"; Service Authorization Reference, "Actions, resources, and condition
// keys for Amazon S3".

#include <string>

#include "aws/gateway.h"
#include "iam/policy/conditions.h"

namespace millrace::iam {

// `resource_account`: who owns the resource.
void add_global_keys(policy::Context& keys, const aws::Call& call, const std::string& resource_account);
// s3:authType, s3:signatureversion, s3:signatureAge, and a key for each header that S3 has one for.
void add_s3_keys(policy::Context& keys, const aws::Call& call);

bool is_federated(const aws::Principal& principal);  // a session of GetFederationToken

}  // namespace millrace::iam
