#pragma once
// The policies that AWS itself manages, as far as they are kept here (README.md says which statements are left out).

#include <string>
#include <string_view>
#include <vector>

namespace millrace::iam {

struct ManagedPolicy {
  std::string_view name, path, id, version, document;
  std::string arn() const { return "arn:aws:iam::aws:policy" + std::string(path) + std::string(name); }
};

const std::vector<ManagedPolicy>& managed_policies();
const ManagedPolicy* managed_policy(std::string_view arn);  // nullptr: no such policy

}  // namespace millrace::iam
