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
// s3:ResourceAccount, s3:authType, s3:signatureversion, s3:signatureAge, and a key for each header that
// S3 has one for with this action.
void add_s3_keys(policy::Context& keys, const aws::Call& call, std::string_view action);
// May a policy for this action read the tags that its resource has? With s3:PutObject and s3:DeleteObject, for example,
// S3 does not give those of the object that is there.
bool has_resource_tags(std::string_view action);

bool is_federated(const aws::Principal& principal);  // a session of GetFederationToken

}  // namespace millrace::iam
