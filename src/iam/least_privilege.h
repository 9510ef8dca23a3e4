#pragma once
// The smallest policies under which a run would have passed, from the calls that it made. Pure.
//
// Each action is allowed on just the resources it was used on. What changes from one run to the next (times, random
// numbers and what follows them in a name, ids) becomes "*", since the policy is meant for the next run too; names of
// buckets, roles and users stay. A role that was passed is
// bound to the service it was passed to.

#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace millrace::iam {

struct UsedPermission {
  std::string principal;  // arn:aws:iam::…:user/x or :role/x
  std::string action;     // "s3:GetObject"
  std::string resource;   // an ARN, or "*"
  std::string passed_to;  // iam:PassRole: the service
  friend auto operator<=>(const UsedPermission&, const UsedPermission&) = default;
};

// "…/TrainingJob-20260102030405-7GX2/output/model.tar.gz" → "…/TrainingJob-*/output/model.tar.gz".
std::string without_run(std::string_view resource);

inline constexpr std::size_t kMostNamesOfFolder = 16;         // objects of one folder; more of them become folder/*
inline constexpr std::size_t kMaxManagedPolicyBytes = 6'144;  // IAM's quota: characters without white space

// A policy document for each principal, by its ARN; each with a Sid that says what it is for. In a stable order.
struct PrincipalPolicy {
  std::string principal;
  Value document;
  std::size_t bytes = 0;  // as IAM counts it
};
std::vector<PrincipalPolicy> smallest_policies(const std::vector<UsedPermission>& used);

}  // namespace millrace::iam
