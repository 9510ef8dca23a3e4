// Pages of a listing.

#include <algorithm>
#include <optional>

#include "base/encode.h"
#include "base/strings.h"
#include "iam/context.h"

namespace millrace::iam {
namespace {

constexpr std::int64_t kPageDefault = 100;

// A marker says of which sort it is, so that one of another listing is not taken for a name.
constexpr char kByKey = 'k', kByPosition = 'p';

Result<std::optional<std::string>> marker_of(const Value& input, char sort) {
  if (!input["Marker"].is_string()) return std::optional<std::string>();
  auto text = from_base64(input["Marker"].as_string());
  if (!text || text->empty() || text->front() != sort)
    return fail(Code::invalid_argument, "Invalid Marker.", "ValidationError");
  return std::optional<std::string>(text->substr(1));
}

Value cut(const Value& input, const std::string& list_name, std::vector<Value>& items, std::size_t start,
          std::size_t& end) {
  end = std::min(items.size(), start + static_cast<std::size_t>(input["MaxItems"].int_or(kPageDefault)));
  Value list = Value::array();
  for (std::size_t i = start; i < end; ++i) list.push(std::move(items[i]));
  return Value::object({{list_name, std::move(list)}, {"IsTruncated", end < items.size()}});
}

std::string marker(char sort, const std::string& text) { return to_base64(sort + text); }

}  // namespace

Result<Value> page(const Value& input, const std::string& list_name, std::vector<Value> items, std::string_view by) {
  const auto key = [&](const Value& item) { return to_lower(by.empty() ? item.string_or() : item[by].string_or()); };
  std::sort(items.begin(), items.end(), [&](const Value& a, const Value& b) { return key(a) < key(b); });
  const auto last = MR_TRY(marker_of(input, kByKey));
  std::size_t start = 0;
  while (last && start < items.size() && key(items[start]) <= *last) ++start;
  std::string next;
  const auto limit = static_cast<std::size_t>(input["MaxItems"].int_or(kPageDefault));
  if (start + limit < items.size()) next = marker(kByKey, key(items[start + limit - 1]));
  std::size_t end = 0;
  Value output = cut(input, list_name, items, start, end);
  if (!next.empty()) output.set("Marker", next);
  return output;
}

Result<Value> page_in_order(const Value& input, const std::string& list_name, std::vector<Value> items) {
  const auto last = MR_TRY(marker_of(input, kByPosition));
  std::size_t start = 0;
  if (last) {
    const auto position = parse_int(*last);
    if (!position || *position < 0) return fail(Code::invalid_argument, "Invalid Marker.", "ValidationError");
    start = std::min(static_cast<std::size_t>(*position), items.size());
  }
  const std::size_t count = items.size();
  std::size_t end = 0;
  Value output = cut(input, list_name, items, start, end);
  if (end < count) output.set("Marker", marker(kByPosition, std::to_string(end)));
  return output;
}

}  // namespace millrace::iam
