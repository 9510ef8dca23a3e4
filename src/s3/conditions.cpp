#include "s3/conditions.h"

#include <algorithm>

#include "base/strings.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

// Headers tell whole seconds.
Time whole_seconds(Time t) { return from_epoch_ms(to_epoch_ms(t) / 1000 * 1000); }

tl::unexpected<Error> invalid_range() {
  return error_with("InvalidRange", "The requested range is not satisfiable", Code::invalid_argument);
}

// Digits only: a sign is not part of a range.
std::optional<std::uint64_t> digits(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  const auto value = parse_int(text);
  return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

}  // namespace

Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const std::optional<ByteRange> whole;
  if (!header.starts_with(kUnit)) return whole;
  header.remove_prefix(kUnit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return whole;
  const std::string_view first_text = trim(header.substr(0, dash)), last_text = trim(header.substr(dash + 1));
  const auto first = digits(first_text), last = digits(last_text);
  if (first_text.empty() && last) {  // the last so many bytes
    if (*last == 0 || size == 0) return invalid_range();
    const std::uint64_t length = std::min(*last, size);
    return std::optional(ByteRange{size - length, length});
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return whole;
  if (*first >= size) return invalid_range();
  return std::optional(ByteRange{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1});
}

bool tag_matches(std::string_view header, std::string_view etag) {
  if (trim(header) == "*") return true;
  for (std::string_view tag : split(header, ',')) {
    tag = trim(tag);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
    if (tag == etag) return true;
  }
  return false;
}

Verdict evaluate(const Conditions& conditions, std::string_view etag, Time modified) {
  const Time at = whole_seconds(modified);
  if (!conditions.if_match.empty()) {
    if (!tag_matches(conditions.if_match, etag)) return Verdict::failed;
  } else if (conditions.if_unmodified_since && at > *conditions.if_unmodified_since) {
    return Verdict::failed;
  }
  if (!conditions.if_none_match.empty()) {
    if (tag_matches(conditions.if_none_match, etag)) return Verdict::not_modified;
  } else if (conditions.if_modified_since && at <= *conditions.if_modified_since) {
    return Verdict::not_modified;
  }
  return Verdict::go_on;
}

}  // namespace millrace::s3
