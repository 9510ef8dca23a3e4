#include "s3/bucket_policy.h"

#include <fmt/core.h>

#include "base/json.h"
#include "base/strings.h"
#include "iam/policy/document.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

tl::unexpected<Error> malformed(std::string message) { return error_with("MalformedPolicy", std::move(message)); }

// A single item may stand where a list may.
std::vector<const Value*> items_of(const Value& value) {
  std::vector<const Value*> items;
  if (value.is_array()) {
    for (const auto& item : value.items()) items.push_back(&item);
  } else if (!value.is_null()) {
    items.push_back(&value);
  }
  return items;
}

bool within_bucket(std::string_view arn, std::string_view bucket) {
  const std::string own = fmt::format("arn:aws:s3:::{}", bucket);
  return arn == own || arn.starts_with(own + "/");
}

Status check_statement(std::string_view bucket, const Value& statement) {
  if (!statement.is_object()) return malformed("Policies must be valid JSON and the first byte must be '{'");
  const std::string effect = statement["Effect"].string_or();
  if (effect != "Allow" && effect != "Deny") return malformed(fmt::format("Invalid effect : {}", effect));
  if (!statement.has("Principal") && !statement.has("NotPrincipal")) {
    return malformed("Missing required field Principal");
  }
  if (!statement.has("Action") && !statement.has("NotAction")) return malformed("Missing required field Action");
  const auto actions = items_of(statement[statement.has("Action") ? "Action" : "NotAction"]);
  for (const Value* action : actions) {
    const std::string text = to_lower(action->string_or());
    if (text != "*" && !text.starts_with("s3:")) return malformed("Policy has invalid action");
  }
  const auto resources = items_of(statement[statement.has("Resource") ? "Resource" : "NotResource"]);
  if (resources.empty()) return malformed("Missing required field Resource");
  for (const Value* resource : resources) {
    if (!within_bucket(resource->string_or(), bucket)) return malformed("Policy has invalid resource");
  }
  return {};
}

}  // namespace

Status check_bucket_policy(std::string_view bucket, std::string_view document) {
  JsonLimits limits;
  limits.max_bytes = kMaxPolicyBytes;
  limits.refuse_duplicate_keys = true;
  const auto policy = parse_json(document, limits);
  if (!policy || !policy->is_object()) return malformed("Policies must be valid JSON and the first byte must be '{'");
  const std::string version = (*policy)["Version"].string_or("2008-10-17");
  if (version != "2012-10-17" && version != "2008-10-17") {
    return malformed("The policy must contain a valid version string");
  }
  const auto statements = items_of((*policy)["Statement"]);
  if (statements.empty()) return malformed("Missing required field Statement");
  for (const Value* statement : statements) MR_TRY(check_statement(bucket, *statement));
  // The whole grammar, by the reader that decides by it: what it cannot read would lock everybody out.
  if (const auto read = iam::policy::parse_document(document, iam::policy::Kind::resource); !read)
    return malformed(read.error().message);
  return {};
}

}  // namespace millrace::s3
