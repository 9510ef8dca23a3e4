#include "s3/tags.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "net/http.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

constexpr std::size_t kMaxKeyBytes = 128 * 4, kMaxValueBytes = 256 * 4;  // in characters: 128 and 256

Status add(Tags& tags, std::string key, std::string value, std::size_t limit) {
  if (key.empty() || key.size() > kMaxKeyBytes || !is_valid_utf8(key) || key.starts_with("aws:")) {
    return error_with("InvalidTag", "The TagKey you have provided is invalid");
  }
  if (value.size() > kMaxValueBytes || !is_valid_utf8(value)) {
    return error_with("InvalidTag", "The TagValue you have provided is invalid");
  }
  if (!tags.emplace(std::move(key), std::move(value)).second) {
    return error_with("InvalidTag", "Cannot provide multiple Tags with the same key");
  }
  if (tags.size() > limit) {
    return error_with("BadRequest", fmt::format("Tags cannot be greater than {}", limit));
  }
  return {};
}

}  // namespace

Result<Tags> tags_from_set(const Value& tag_set, std::size_t limit) {
  Tags tags;
  for (const auto& tag : tag_set.items()) {
    MR_TRY(add(tags, tag["Key"].string_or(), tag["Value"].string_or(), limit));
  }
  return tags;
}

Result<Tags> tags_from_header(std::string_view header) {
  Tags tags;
  for (auto& [key, value] : net::parse_query(header)) {
    MR_TRY(add(tags, std::move(key), std::move(value), kMaxObjectTags));
  }
  return tags;
}

Value to_tag_set(const Tags& tags) {
  Value set = Value::array();
  for (const auto& [key, value] : tags) set.push(Value::object({{"Key", key}, {"Value", value}}));
  return set;
}

}  // namespace millrace::s3
