#include "iam/arn_members.h"

#include <fmt/core.h>

#include "base/strings.h"

namespace millrace::iam {
namespace {

constexpr std::size_t kLeastArnLength = 20;  // arnType of the models

// arn:partition:service:region:account:resource, the resource not empty.
bool is_arn(std::string_view text) {
  const auto parts = split(text, ':');
  return parts.size() >= 6 && parts[0] == "arn" && !parts[1].empty() && !parts[2].empty() && !text.ends_with(':');
}

bool is_wrong(const Value& value) {
  return value.is_string() && value.as_string().size() >= kLeastArnLength && !is_arn(value.as_string());
}

}  // namespace

Status check_policy_arns(aws::Call&, const aws::OperationModel&, Value& input) {
  for (const char* member : {"PolicyArn", "PermissionsBoundary"}) {
    if (is_wrong(input[member]))
      return fail(Code::invalid_argument, "Invalid ARN:  Could not be parsed!", "ValidationError");
  }
  return {};
}

Status check_role_arn(aws::Call&, const aws::OperationModel&, Value& input) {
  const Value& arn = input["RoleArn"];
  const bool no_name = arn.is_string() && arn.as_string().ends_with(":role/");
  if (!is_wrong(arn) && !no_name) return {};
  return fail(Code::invalid_argument, fmt::format("{} is invalid", arn.as_string()), "ValidationError");
}

}  // namespace millrace::iam
