#pragma once
// What a caller hands in with a request for a session: policies that narrow it, and tags.
// Source: STS API reference, AssumeRole and GetFederationToken; IAM User Guide, "IAM and AWS STS quotas".

#include <string>
#include <utility>
#include <vector>

#include "iam/context.h"

namespace millrace::iam {

inline constexpr std::size_t kSessionPolicyArnsMost = 10;
inline constexpr std::size_t kSessionPolicyCharactersMost = 2'048;  // plain text of the policy and the ARNs together
inline constexpr std::size_t kSessionTagKeyMost = 128, kSessionTagValueMost = 256;

using Tags = std::vector<std::pair<std::string, std::string>>;

struct SessionRequest {
  std::vector<std::string> policies;  // documents: the one given and those that PolicyArns name
  Tags tags;
  std::vector<std::string> transitive_keys;
  int packed_percent = 0;  // of what a session's token has room for
  bool has_policies = false;
};
// Errors: MalformedPolicyDocument, PackedPolicyTooLarge, InvalidParameterValue, ValidationError.
Result<SessionRequest> read_session_request(Context& context, const Value& input);

// `more` over `tags`: the same key (without regard to case) is replaced.
void merge_tags(Tags& tags, const Tags& more);

}  // namespace millrace::iam
