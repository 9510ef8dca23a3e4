#pragma once
// Ranges and conditional requests on an object. Source: RFC 9110, sections 13 and 14; Amazon S3 API Reference,
// GetObject.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace millrace::s3 {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// nullopt: the whole object (no range, or one that cannot be read, or several). Error: InvalidRange.
Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t size);

struct Conditions {
  std::string if_match, if_none_match;
  std::optional<Time> if_modified_since, if_unmodified_since;
};
enum class Verdict { go_on, not_modified, failed };
Verdict evaluate(const Conditions& conditions, std::string_view etag, Time modified);

// Is `etag` (without quotes) among a header's tags: "a", "b", or *?
bool tag_matches(std::string_view header, std::string_view etag);

}  // namespace millrace::s3
