#include "sagemaker/search_filter.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "base/strings.h"
#include "base/time.h"
#include "sagemaker/errors.h"

namespace millrace::sagemaker {
namespace {

constexpr std::size_t kMaxConditions = 20;
constexpr int kMaxDepth = 10;

using Found = std::vector<Value>;

void collect_metric(const Value& document, std::string_view name, Found& found) {
  for (const auto& metric : document["FinalMetricDataList"].items()) {
    if (metric["MetricName"].string_or() == name) found.push_back(metric["Value"]);
  }
}

// A member's name may hold dots (a hyperparameter's, a tag's): the longest that there is counts.
void collect(const Value& value, std::string_view path, Found& found) {
  if (value.is_array() && !path.empty()) {
    for (const auto& item : value.items()) collect(item, path, found);
    return;
  }
  if (path.empty()) {
    if (!value.is_null()) found.push_back(value);
    return;
  }
  for (std::size_t end = path.size(); end != std::string_view::npos && end > 0; end = path.rfind('.', end - 1)) {
    if (const Value* member = value.find(path.substr(0, end))) {
      return collect(*member, end < path.size() ? path.substr(end + 1) : std::string_view(), found);
    }
  }
}

Found values_at(const Value& document, std::string_view path) {
  constexpr std::string_view kMetrics = "Metrics.";
  Found found;
  if (path.starts_with(kMetrics)) {
    collect_metric(document, path.substr(kMetrics.size()), found);
  } else {
    collect(document, path, found);
  }
  return found;
}

std::string text_of(const Value& value) {
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_integer()) return std::to_string(value.as_int());
  if (value.is_number()) return std::to_string(value.as_double());
  return value.string_or();
}

std::optional<double> number_of(const Value& value) {
  const auto number = value.is_number()   ? std::optional(value.as_double())
                      : value.is_string() ? parse_double(value.as_string())
                                          : std::nullopt;
  return number && std::isnan(*number) ? std::nullopt : number;  // which has no place in an order
}

// What a condition compares with: a number, a time (which documents have in seconds), or text.
std::optional<double> number_of_condition(const std::string& text) {
  if (const auto number = parse_double(text)) return number;
  if (const auto time = parse_rfc3339(text)) return to_epoch_seconds(*time);
  return std::nullopt;
}

// -1, 0, 1
int compare(const Value& value, const std::string& wanted) {
  const auto number = number_of(value), other = number_of_condition(wanted);
  if (number && other) return *number < *other ? -1 : *number > *other ? 1 : 0;
  const int order = text_of(value).compare(wanted);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool contains(const Value& value, const std::string& wanted) {
  if (value.is_array())
    return std::ranges::any_of(value.items(), [&](const Value& item) { return text_of(item) == wanted; });
  return text_of(value).find(wanted) != std::string::npos;
}

bool matches_filter(const Value& document, const Value& filter) {
  const Found found = values_at(document, filter["Name"].string_or());
  const std::string wanted = filter["Value"].string_or();
  const std::string by = filter["Operator"].string_or("Equals");
  const auto any = [&](const auto& holds) { return std::ranges::any_of(found, holds); };
  if (by == "Exists") return !found.empty();
  if (by == "NotExists") return found.empty();
  if (by == "NotEquals") return !any([&](const Value& v) { return compare(v, wanted) == 0; });
  if (by == "GreaterThan") return any([&](const Value& v) { return compare(v, wanted) > 0; });
  if (by == "GreaterThanOrEqualTo") return any([&](const Value& v) { return compare(v, wanted) >= 0; });
  if (by == "LessThan") return any([&](const Value& v) { return compare(v, wanted) < 0; });
  if (by == "LessThanOrEqualTo") return any([&](const Value& v) { return compare(v, wanted) <= 0; });
  if (by == "Contains") return any([&](const Value& v) { return contains(v, wanted); });
  if (by == "In") {
    const auto choices = split(wanted, ',');
    return any([&](const Value& v) {
      return std::ranges::any_of(choices, [&](auto choice) { return compare(v, std::string(trim(choice))) == 0; });
    });
  }
  return any([&](const Value& v) { return compare(v, wanted) == 0; });
}

// Several conditions on one item of a list; their names begin with the list's.
bool matches_nested(const Value& document, const Value& nested) {
  const std::string list = nested["NestedPropertyName"].string_or();
  Found items;
  for (const Value& found : values_at(document, list)) {
    if (found.is_array())
      items.insert(items.end(), found.items().begin(), found.items().end());
    else
      items.push_back(found);
  }
  const auto relative = [&](Value filter) {
    std::string name = filter["Name"].string_or();
    if (name.starts_with(list + ".")) name.erase(0, list.size() + 1);
    filter.set("Name", name);
    return filter;
  };
  return std::ranges::any_of(items, [&](const Value& item) {
    return std::ranges::all_of(nested["Filters"].items(),
                               [&](const Value& filter) { return matches_filter(item, relative(filter)); });
  });
}

bool matches(const Value& document, const Value& expression, int depth) {
  if (depth > kMaxDepth) return false;  // refused by check_search()
  const bool either = expression["Operator"].string_or("And") == "Or";
  bool any = false, all = true;
  const auto count = [&](bool holds) {
    any = any || holds;
    all = all && holds;
  };
  for (const auto& filter : expression["Filters"].items()) count(matches_filter(document, filter));
  for (const auto& nested : expression["NestedFilters"].items()) count(matches_nested(document, nested));
  for (const auto& inner : expression["SubExpressions"].items()) count(matches(document, inner, depth + 1));
  const bool is_empty =
      expression["Filters"].empty() && expression["NestedFilters"].empty() && expression["SubExpressions"].empty();
  return is_empty || (either ? any : all);
}

Status check_filter(const Value& filter, std::size_t& count) {
  if (++count > kMaxConditions)
    return validation_error(
        "A search can have at most 20 conditions, those of nested filters and subexpressions counted.");
  const std::string by = filter["Operator"].string_or("Equals");
  if (by == "Exists" || by == "NotExists" || filter["Value"].is_string()) return {};
  return validation_error("The condition on " + filter["Name"].string_or() + " needs a Value.");
}

Status check(const Value& expression, std::size_t& count, int depth) {
  if (depth > kMaxDepth) return validation_error("The subexpressions of a search lie too deep in each other.");
  for (const auto& filter : expression["Filters"].items()) MR_TRY(check_filter(filter, count));
  for (const auto& nested : expression["NestedFilters"].items()) {
    for (const auto& filter : nested["Filters"].items()) MR_TRY(check_filter(filter, count));
  }
  for (const auto& inner : expression["SubExpressions"].items()) MR_TRY(check(inner, count, depth + 1));
  return {};
}

}  // namespace

Status check_search(const Value& expression) {
  std::size_t count = 0;
  return check(expression, count, 0);
}

bool matches_search(const Value& document, const Value& expression) { return matches(document, expression, 0); }

std::optional<Value> property_of(const Value& document, std::string_view path) {
  Found found = values_at(document, path);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

bool is_before(const Value& a, const Value& b) {
  const auto left = number_of(a), right = number_of(b);
  // Numbers first, so that there is one order of all.
  if (left.has_value() != right.has_value()) return left.has_value();
  if (left) return *left < *right;
  return text_of(a) < text_of(b);
}

}  // namespace millrace::sagemaker
