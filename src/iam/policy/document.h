#pragma once
// Policy documents: the grammar of AWS's JSON policies, parsed and checked. Pure.
// Source: IAM User Guide, "Grammar of the IAM JSON policy language".

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace millrace::iam::policy {

// What a document is for decides which elements it needs: an identity policy names resources and no principal, a
// resource policy both, a trust policy a principal and no resource.
enum class Kind { identity, resource, trust };

enum class Effect { allow, deny };

struct Condition {
  std::string operator_name;  // "StringLike", without qualifier and suffix
  enum class Qualifier { none, for_any_value, for_all_values } qualifier = Qualifier::none;
  bool if_exists = false;
  std::string key;  // "aws:SourceIp"; compared without case
  std::vector<std::string> values;
  int op = -1;  // condition_operator(operator_name)
};

// "AWS": ["arn:…"], "Service": […]; type "*" for the bare star.
struct PrincipalPattern {
  std::string type;
  std::vector<std::string> values;
};

struct Statement {
  std::string sid;
  Effect effect = Effect::deny;
  bool not_action = false, not_resource = false, not_principal = false, has_principal = false;
  std::vector<std::string> actions, resources;
  std::vector<PrincipalPattern> principals;
  std::vector<Condition> conditions;
};

struct Document {
  std::string version;  // "2012-10-17" or "2008-10-17" (no policy variables)
  std::string id;
  std::vector<Statement> statements;
  bool reads_resource_tags = false;  // in a condition or a variable: …ResourceTag/…, s3:ExistingObjectTag/…
};

// AWS's own ReadOnlyAccess is the longest there is; what users may write is limited by IAM's quotas.
inline constexpr std::size_t kMaxDocumentBytes = 262'144;

// Errors: invalid_argument, reason MalformedPolicyDocument, AWS's sentences where it has one.
Result<Document> parse_document(std::string_view json, Kind kind);

}  // namespace millrace::iam::policy
