#include "pipelines/api/tags.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/json.h"

namespace millrace::pipelines::api {
namespace {

constexpr std::size_t kMaxTags = 20;
constexpr std::size_t kMaxTag = 63;  // characters

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Error bad(std::string message) { return {Code::invalid_argument, std::move(message)}; }

}  // namespace

Result<Value> check_tags(const Value& tags) {
  if (tags.is_null()) return Value::object();
  if (!tags.is_object()) return fail(bad(fmt::format("tags must be a JSON object, not {}", tags.kind_with_article())));
  if (tags.size() > kMaxTags)
    return fail(bad(fmt::format("there may be {} tags at most, not {}", kMaxTags, tags.size())));
  for (const auto& [key, value] : tags.members()) {
    if (!value.is_string())
      return fail(bad(fmt::format("the tag \"{}\" must be a string, not {}", key, value.kind_with_article())));
    if (key.empty()) return fail(bad("a tag's key may not be empty"));
    if (key.find('.') != std::string::npos)
      return fail(bad(fmt::format("the tag \"{}\" may not have a dot in its key", key)));
    if (characters(key) > kMaxTag)
      return fail(bad(fmt::format("the tag \"{}\" has a key of more than {} characters", key, kMaxTag)));
    if (characters(value.as_string()) > kMaxTag)
      return fail(bad(fmt::format("the tag \"{}\" has a value of more than {} characters", key, kMaxTag)));
  }
  return tags;
}

Result<Value> parse_tags(std::string_view text) {
  if (text.empty()) return Value::object();
  const auto parsed = parse_json(text);
  if (!parsed) return fail(bad("tags must be a JSON object of strings: " + parsed.error().message));
  return check_tags(*parsed);
}

Value stored_tags(const std::string& text) {
  auto parsed = parse_json(text);
  return parsed ? std::move(*parsed) : Value::object();
}

}  // namespace millrace::pipelines::api
