#pragma once
// ARNs as patterns: arn:partition:service:region:account:resource, where the resource may itself hold colons.

#include <string_view>

namespace millrace::iam::policy {

// Each of the first five parts matches on its own, so that a '*' in one never reaches into the next; the resource part
// is matched as a whole. A pattern that is just "*" matches everything; the last part of a pattern that has fewer
// matches all that is left.
bool arn_match(std::string_view pattern, std::string_view arn);

}  // namespace millrace::iam::policy
