#pragma once
// The policies that AWS itself manages: those that users of machine learning attach, with their whole content, as text
// in managed_policies/policies.txt (tools/managed_policies.py writes it).

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace millrace::iam {

struct ManagedPolicy {
  std::string_view name, path, id, version, document;
  Time created{}, updated{};
  std::string arn;
};

const std::vector<ManagedPolicy>& managed_policies();       // by name; made once
const ManagedPolicy* managed_policy(std::string_view arn);  // nullptr: no such policy

}  // namespace millrace::iam
