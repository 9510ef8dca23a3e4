#pragma once
// What a bucket and a key may be called. Source: Amazon S3 User Guide, "Bucket naming rules", "Naming objects".

#include <string_view>

#include "base/result.h"

namespace millrace::s3 {

constexpr std::size_t kMaxKeyBytes = 1024;

Status check_bucket_name(std::string_view name);  // InvalidBucketName
Status check_key(std::string_view key);           // KeyTooLongError, InvalidArgument

}  // namespace millrace::s3
