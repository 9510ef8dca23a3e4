#pragma once
// What IAM asks of a policy that somebody hands in, beyond the grammar. Documents that are already kept are read
// without these rules, so that one that was taken once goes on deciding. Pure.

#include "base/result.h"
#include "iam/policy/document.h"

namespace millrace::iam::policy {

// A managed policy is written in the current version; an inline policy may be in the older one.
enum class Held { managed, inlined };

// Errors: invalid_argument, reason MalformedPolicyDocument, AWS's sentences.
Status check_identity_rules(const Document& document, Held held);

}  // namespace millrace::iam::policy
