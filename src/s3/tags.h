#pragma once
// Tags of buckets and objects. Source: Amazon S3 User Guide, "Categorizing your objects using tags".

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::s3 {

using Tags = std::map<std::string, std::string>;

constexpr std::size_t kMaxObjectTags = 10, kMaxBucketTags = 50;

// From a TagSet (a list of {Key, Value}). InvalidTag, BadRequest.
Result<Tags> tags_from_set(const Value& tag_set, std::size_t limit);
// From x-amz-tagging: a=b&c=d, percent-encoded.
Result<Tags> tags_from_header(std::string_view header);
Value to_tag_set(const Tags& tags);

}  // namespace millrace::s3
