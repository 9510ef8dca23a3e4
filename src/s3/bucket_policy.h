#pragma once
// What a bucket's policy must be before it is kept. How it decides is iam's business.

#include <string_view>

#include "base/result.h"

namespace millrace::s3 {

constexpr std::size_t kMaxPolicyBytes = 20 * 1024;

// A policy document whose statements name a principal and resources of this bucket. MalformedPolicy.
Status check_bucket_policy(std::string_view bucket, std::string_view document);

}  // namespace millrace::s3
