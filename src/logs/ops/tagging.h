#pragma once
// What the operations on tags share: each comes in two forms, of a resource by its ARN and of a group by its name.

#include <string>

#include "logs/ops/ops.h"

namespace millrace::logs::ops {

constexpr std::size_t kMostTags = 50;  // of a group

// The group that a request names. InvalidParameterException for what is no group's ARN (it has no ":*" behind it);
// ResourceNotFoundException for another account's or region's.
Result<std::string> tagged_group(const aws::Call& call, const Value& input);
// Decided on the group without what is in it where the request has an ARN; otherwise as other operations on a group
// (User Guide, "CloudWatch Logs resources and operations").
aws::Resources on_tagged();
aws::Resources on_tagged_group();

// aws:RequestTag/… and aws:TagKeys, of a map of tags.
decltype(aws::Check::keys) tag_keys(const Value& tags);
// InvalidParameterException for a name that is AWS's own.
Status check_tags(const Value& tags);

}  // namespace millrace::logs::ops
