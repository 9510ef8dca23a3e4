#include "iam/policy/arn.h"

#include "iam/policy/conditions.h"

namespace millrace::iam::policy {

bool arn_match(std::string_view pattern, std::string_view arn) {
  if (pattern == "*") return true;
  for (int part = 0; part < 5; ++part) {
    const std::size_t pattern_end = pattern.find(':'), arn_end = arn.find(':');
    if (pattern_end == std::string_view::npos || arn_end == std::string_view::npos)
      return wildcard_match(pattern, arn, false);
    if (!wildcard_match(pattern.substr(0, pattern_end), arn.substr(0, arn_end), false)) return false;
    pattern.remove_prefix(pattern_end + 1);
    arn.remove_prefix(arn_end + 1);
  }
  return wildcard_match(pattern, arn, false);
}

}  // namespace millrace::iam::policy
