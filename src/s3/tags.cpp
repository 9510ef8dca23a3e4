#include "s3/tags.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "net/http.h"
#include "s3/errors.h"

namespace millrace::s3 {
namespace {

constexpr std::size_t kMaxKeyCharacters = 128, kMaxValueCharacters = 256;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Letters, numbers and spaces of any script, and + - = . _ : / @ (User Guide, "Categorizing your objects using tags").
// Beyond ASCII only control characters and separators of lines are distinguished from those.
bool is_tag_text(std::string_view text, std::size_t most) {
  if (!is_valid_utf8(text) || characters(text) > most) return false;
  constexpr std::string_view kAlso = " +-=._:/@";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (static_cast<unsigned char>(c) < 0x80 && !letter && kAlso.find(c) == std::string_view::npos) return false;
    if (text.substr(i).starts_with("\xe2\x80\xa8") || text.substr(i).starts_with("\xe2\x80\xa9")) return false;
  }
  return true;
}

Status add(Tags& tags, std::string key, std::string value, std::size_t limit) {
  if (key.starts_with("aws:")) return error_with("InvalidTag", "System tags cannot be added/updated by requester");
  if (key.empty() || !is_tag_text(key, kMaxKeyCharacters))
    return error_with("InvalidTag", "The TagKey you have provided is invalid");
  if (!is_tag_text(value, kMaxValueCharacters)) {
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
