#include "iam/denial.h"

#include <fmt/core.h>

#include "iam/policy/trace.h"

namespace millrace::iam {

std::string denial(const aws::Principal& principal, const aws::Check& check, const policy::Decision& decision) {
  if (principal.kind == aws::Principal::Kind::anonymous) return "Access Denied";
  std::string text = fmt::format("User: {} is not authorized to perform: {}", principal.arn, check.action);
  const std::string_view quote = check.action.starts_with("s3:") ? "\"" : "";
  // AWS names no resource where all there are is meant.
  if (check.resource != "*" && check.resource != "arn:aws:s3:::*")
    text += fmt::format(" on resource: {0}{1}{0}", quote, check.resource);
  const std::string_view kind = policy::words(decision.decided_by);
  if (!decision.explicitly_denied) return text + fmt::format(" because no {} allows the {} action", kind, check.action);
  text += fmt::format(" with an explicit deny in {} {}", kind.starts_with('i') ? "an" : "a", kind);
  const bool attached =
      decision.decided_by == policy::PolicyKind::identity || decision.decided_by == policy::PolicyKind::boundary;
  if (attached && decision.policy.starts_with("arn:")) text += ": " + decision.policy;
  return text;
}

}  // namespace millrace::iam
