#pragma once
// The conditions of the Search operation, over a resource's Describe document with its tags. Pure.
// Source: API reference, SearchExpression, Filter, NestedFilters.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace millrace::sagemaker {

// Errors, ValidationException: more than 20 conditions, a condition that needs a value and has none.
Status check_search(const Value& expression);

// `document`: what Describe answers, and "Tags" as {key: value}. A property is a path of members ("HyperParameters.k",
// "Tags.owner", "Metrics.test:msd" of FinalMetricDataList); through a list it is each item's.
bool matches_search(const Value& document, const Value& expression);

// The first value at a property's path, for sorting: numbers and texts in one order. Empty: it has none.
std::optional<Value> property_of(const Value& document, std::string_view path);
bool is_before(const Value& a, const Value& b);

}  // namespace millrace::sagemaker
